/** Converts zod's issues with an event into a wire error for the first problem, with its path. */

import type { z } from 'zod';
import { otherDialectHint } from '../dialect-fields.ts';
import { type WireError, wireErrors } from '../errors/wire-errors.ts';
import { unlistedTypes } from '../wire/items.ts';
import { integerBound } from './integer.ts';
import { knownKeys } from './known-keys.ts';
import { nearest } from './nearest.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** The input and its schema, for messages with the actual value and suggestions. */
interface Parsed {
  input: unknown;
  schema: z.ZodType;
  dialect: 'ga' | 'beta';
}

/** The error for the first issue. */
export function schemaError(issues: readonly Issue[], parsed: Parsed): WireError {
  const issue = issues[0];
  if (issue === undefined) throw new Error('schemaError needs an issue');
  return issueError(issue, [], parsed);
}

function issueError(issue: Issue, base: Path, parsed: Parsed): WireError {
  const { input } = parsed;
  const path = [...base, ...issue.path];
  const param = formatPath(path);
  const value = valueAt(input, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKey(path, issue.keys[0] ?? '', parsed);
    case 'invalid_type':
      return wrongType(path, issue.expected, parsed);
    case 'invalid_value':
      if (value === undefined) return wireErrors.missingParameter(param);
      return wireErrors.invalidValue(param, value, issue.values.map(String));
    case 'invalid_union':
      return unionError(issue, path, parsed);
    case 'too_small':
    case 'too_big':
      return boundError(issue, param, value);
    case 'invalid_format':
      if (issue.format !== 'regex' || issue.pattern === undefined) return wireErrors.invalid(param, issue.message);
      return wireErrors.patternMismatch(param, issue.pattern.replace(/^\/|\/\w*$/g, ''));
    case 'invalid_key':
    case 'invalid_element':
      return wireErrors.invalid(param, issue.message);
    default:
      return wireErrors.invalid(param, issue.message);
  }
}

/** A key that is not in the schema: of the other dialect, misspelt, or unknown. */
function unknownKey(path: Path, key: string, { input, schema, dialect }: Parsed): WireError {
  const param = formatPath([...path, key]);
  const hint = otherDialectHint(param, dialect);
  if (hint) return wireErrors.unknownParameter(param, hint);
  const meant = nearest(key, knownKeys(schema, path, input));
  return wireErrors.unknownParameter(param, meant && `Did you mean '${formatPath([...path, meant])}'?`);
}

/**
 * For a discriminated union, the error is at the discriminator. For another union, it is that of the branch that got
 * furthest: an object against `'auto' | { … }` is checked by the object's schema.
 */
function unionError(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, parsed: Parsed): WireError {
  const param = formatPath(path);
  const value = valueAt(parsed.input, path);
  if (issue.errors.length === 0) {
    if (value === undefined) return wireErrors.missingParameter(param);
    const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
    const official = options.filter((option) => !unlistedTypes.has(option));
    return wireErrors.invalidValue(param, value, official);
  }
  if (value === undefined) return wireErrors.missingParameter(param);
  const fits = issue.errors.find((branch) => {
    const first = branch[0];
    return first !== undefined && !(first.path.length === 0 && ['invalid_type', 'invalid_value'].includes(first.code));
  });
  if (fits?.[0]) return issueError(fits[0], path, parsed);
  const literal = issue.errors.find((branch) => branch[0]?.code === 'invalid_value');
  if (literal?.[0] && typeof value === 'string') return issueError(literal[0], path, parsed);
  const expected = issue.errors.flatMap((branch) => {
    const first = branch[0];
    if (first?.code === 'invalid_type') return [expectedName(first.expected)];
    return first?.code === 'invalid_value' ? first.values.map((option) => `'${String(option)}'`) : [];
  });
  return wireErrors.invalidType(param, `one of ${expected.join(', ')}`, typeName(value));
}

function wrongType(path: Path, expected: string, { input, schema }: Parsed): WireError {
  const param = formatPath(path);
  const value = valueAt(input, path);
  if (value === undefined) return wireErrors.missingParameter(param);
  if (expected === 'int' && typeof value === 'number')
    return wireErrors.invalidType(param, 'an integer', 'a decimal number');
  const ofObjects = expected === 'array' && knownKeys(schema, [...path, 0], input).length > 0;
  return wireErrors.invalidType(param, ofObjects ? 'an array of objects' : expectedName(expected), typeName(value));
}

function boundError(
  issue: Extract<Issue, { code: 'too_small' | 'too_big' }>,
  param: string,
  value: unknown,
): WireError {
  const side = issue.code === 'too_small' ? 'min' : 'max';
  const limit = Number(issue.code === 'too_small' ? issue.minimum : issue.maximum);
  if (typeof value === 'number') {
    const kind = issue.message === integerBound || issue.origin === 'int' ? 'integer' : 'decimal';
    return wireErrors.outOfRange(param, { kind, side, limit, got: value });
  }
  if (typeof value === 'string')
    return wireErrors.wrongLength(param, { kind: 'string', side, limit, got: value.length });
  if (Array.isArray(value)) return wireErrors.wrongLength(param, { kind: 'array', side, limit, got: value.length });
  if (typeof value === 'object' && value !== null)
    return wireErrors.tooManyProperties(param, limit, Object.keys(value).length);
  return wireErrors.invalid(param, issue.message);
}

/** `session.tools[0].name` */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return Reflect.get(value, key);
  }, input);
}

const names: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};

function expectedName(expected: string): string {
  return names[expected] ?? expected;
}

/** The type of a value in an error message: `an array`. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number';
  return names[typeof value] ?? typeof value;
}
