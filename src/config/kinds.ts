/** The types of option values: how each is parsed, and how error messages describe it. */

import { z } from 'zod';
import { tryParseJson } from '../core/json.ts';
import type { PromptTemplate } from '../session/context/prompts.ts';
import { type ApiKey, readApiKeys } from './api-keys.ts';

export interface Kind<T> {
  /** Placeholder for the value in the help: `PORT`, `MS`. */
  readonly placeholder: string;
  /** Allowed values, as a phrase that follows "expected". */
  readonly allowed: string;
  /** Whether a message may contain the value. */
  readonly secret: boolean;
  /** A repeated flag adds to the list. */
  readonly repeatable: boolean;
  /** Value of a flag without one, if that is allowed. */
  readonly bare?: string;
  /** The parsed value, or undefined if the text is invalid. */
  fromText(text: string): T | undefined;
  /** The parsed value of a configuration file's entry, or undefined if it is invalid. */
  fromFile(entry: unknown): T | undefined;
  /** The value as the help prints it. */
  print(value: T): string;
  /** For an invalid value: the position in it, and what is expected there. Never contains the value. */
  explain?(raw: unknown): string | undefined;
}

function kind<T>(parts: {
  placeholder: string;
  allowed: string;
  fromText: (text: string) => T | undefined;
  fromFile?: (entry: unknown) => T | undefined;
  print?: (value: T) => string;
  explain?: (raw: unknown) => string | undefined;
  secret?: boolean;
  repeatable?: boolean;
  bare?: string;
}): Kind<T> {
  return {
    secret: false,
    repeatable: false,
    print: String,
    fromFile: (entry) => (isScalar(entry) ? parts.fromText(String(entry)) : undefined),
    ...parts,
  };
}

/** A parsed value, or the position and the reason of a problem, without the value: it may be secret. */
export type Read<T> = { value: T } | { problem: string };

/**
 * A value that `read` checks as a whole: an entry of a file, or text parsed by `parse`. Most of them may contain a key,
 * so messages contain the value only if `secret` is false.
 */
export function structured<T>({
  read,
  parse = tryParseJson,
  ...parts
}: {
  placeholder: string;
  allowed: string;
  read: (raw: unknown) => Read<T>;
  parse?: (text: string) => unknown;
  print?: (value: T) => string;
  secret?: boolean;
  repeatable?: boolean;
}): Kind<T> {
  const accept = (raw: unknown) => {
    const result = read(raw);
    return 'value' in result ? result.value : undefined;
  };
  return kind<T>({
    secret: true,
    print: () => '',
    ...parts,
    fromText: (text) => accept(parse(text)),
    fromFile: accept,
    explain(raw) {
      const result = read(typeof raw === 'string' ? parse(raw) : raw);
      return 'problem' in result ? result.problem : undefined;
    },
  });
}

/** A `read` that uses a schema; `explain` describes the first issue. */
export function readBySchema<T>(schema: z.ZodType<T>, explain: (issue: z.core.$ZodIssue) => string) {
  return (raw: unknown): Read<T> => {
    const { data, error } = schema.safeParse(raw);
    const [issue] = error?.issues ?? [];
    return issue === undefined ? { value: data as T } : { problem: explain(issue) };
  };
}

function isScalar(entry: unknown): entry is string | number | boolean {
  return typeof entry === 'string' || typeof entry === 'number' || typeof entry === 'boolean';
}

/** A whole number from `min` to `max`. */
export function integer(placeholder: string, min: number, max: number): Kind<number> {
  return kind({
    placeholder,
    allowed: `a whole number from ${min} to ${max}`,
    fromText: (text) => inRange(wholeNumber(text), min, max),
  });
}

/** Like `integer`, or `inf` for no limit. */
export function integerOrInfinity(placeholder: string, min: number, max: number): Kind<number> {
  return kind({
    placeholder,
    allowed: `a whole number from ${min} to ${max}, or inf`,
    fromText: (text) => (text === 'inf' ? Number.POSITIVE_INFINITY : inRange(wholeNumber(text), min, max)),
    // YAML has its own notation for infinity, which arrives here as a number.
    fromFile: (entry) => {
      if (entry === Number.POSITIVE_INFINITY || entry === 'inf') return Number.POSITIVE_INFINITY;
      return isScalar(entry) ? inRange(wholeNumber(String(entry)), min, max) : undefined;
    },
    print: (value) => (value === Number.POSITIVE_INFINITY ? 'inf' : String(value)),
  });
}

const byteUnits: Record<string, number> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes: `4096`, `64KiB`, `22MiB`. */
export function bytes(min: number, max: number): Kind<number> {
  return kind({
    placeholder: 'BYTES',
    allowed: `a number of bytes from ${printBytes(min)} to ${printBytes(max)}, such as 65536, 64KiB or 16MiB`,
    fromText: (text) => {
      const match = /^(\d+) ?(KiB|MiB|GiB|)$/.exec(text);
      const [, digits = '', unit = ''] = match ?? [];
      return match === null ? undefined : inRange(Number(digits) * (byteUnits[unit] ?? 1), min, max);
    },
    print: printBytes,
  });
}

function printBytes(value: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = byteUnits[unit] ?? 1;
    if (value >= size && value % size === 0) return `${value / size}${unit}`;
  }
  return String(value);
}

/** One of several words. */
export function choice<const T extends string>(...choices: T[]): Kind<T> {
  return kind({
    placeholder: choices.join('|'),
    allowed: `one of ${choices.join(', ')}`,
    fromText: (text) => choices.find((each) => each === text),
  });
}

/** `true` or `false`. */
export function boolean(): Kind<boolean> {
  return kind({
    placeholder: 'true|false',
    bare: 'true',
    allowed: 'true or false',
    fromText: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  });
}

/** Any text that is not blank; a default of `undefined` means none. */
export function text(placeholder: string, allowed: string): Kind<string | undefined> {
  return kind<string | undefined>({
    placeholder,
    allowed,
    fromText: (raw) => (raw.trim() === '' ? undefined : raw),
    print: (value) => value ?? '',
  });
}

export const smartTurnPrefix = 'smart-turn:';

/** A model of the end of turns: its name and its file. */
export function turnModel(): Kind<string | undefined> {
  return kind<string | undefined>({
    placeholder: 'MODEL',
    allowed: `${smartTurnPrefix}FILE, with the path of a Smart Turn v3 model (ONNX)`,
    fromText: (raw) => (raw.startsWith(smartTurnPrefix) && raw.length > smartTurnPrefix.length ? raw : undefined),
    print: (value) => value ?? '',
  });
}

/** An IP address or a host name to listen on, without a port. */
export function hostName(): Kind<string> {
  return kind({
    placeholder: 'HOST',
    allowed: 'an IP address or a host name, without a port',
    fromText: (raw) => (/^[a-z0-9.-]+$/i.test(raw) || /^[0-9a-f:.]+(%\w+)?$/i.test(raw) ? raw : undefined),
  });
}

/** A list: comma separated as text, a YAML list in a file. Each entry passes `check`. */
export function list(placeholder: string, allowed: string, check: (entry: string) => boolean): Kind<readonly string[]> {
  const checked = (entries: readonly string[]) => (entries.every(check) ? entries : undefined);
  return kind<readonly string[]>({
    placeholder: `${placeholder},…`,
    allowed,
    repeatable: true,
    fromText: (raw) =>
      checked(
        raw
          .split(',')
          .map((entry) => entry.trim())
          .filter((entry) => entry !== ''),
      ),
    fromFile: (entry) => {
      const entries = Array.isArray(entry) ? entry : [entry];
      return entries.every(isScalar) ? checked(entries.map(String)) : undefined;
    },
    print: (value) => value.join(','),
  });
}

/** API keys, hashed when they are parsed; in a file each may have a name, a project and limits. */
export function apiKeys(): Kind<readonly ApiKey[]> {
  return structured<readonly ApiKey[]>({
    placeholder: 'KEY,…',
    allowed: 'keys without spaces or commas; in a file a list of keys, or of { name, key or hash, project, limits }',
    repeatable: true,
    parse: splitKeys,
    read(raw) {
      const entries = typeof raw === 'string' ? splitKeys(raw) : raw;
      const result = readApiKeys(Array.isArray(entries) ? entries : [entries]);
      if ('keys' in result) return { value: result.keys };
      return { problem: `In ${result.problem.place}: expected ${result.problem.expected}.` };
    },
  });
}

function splitKeys(text: string): string[] {
  return text.split(',').map((key) => key.trim());
}

function wholeNumber(text: string): number {
  return /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
}

function inRange(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

const promptTemplates = z.array(
  z.strictObject({ id: z.string().min(1), version: z.coerce.string().optional(), instructions: z.string() }),
);

/** Prompt templates, as a list in a file or as JSON. */
export function prompts(): Kind<readonly PromptTemplate[]> {
  return structured<readonly PromptTemplate[]>({
    placeholder: 'PROMPTS',
    allowed: 'a list of prompts, each with an id, instructions and, if it has one, a version',
    secret: false,
    read: readBySchema(promptTemplates, () => ''),
    print: (value) => value.map(({ id }) => id).join(','),
  });
}
