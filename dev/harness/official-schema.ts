/** Checks a JSON value against a declared type and reports differences. */

import { membersOf, type Type } from './official-declarations.ts';

export type JsonObject = Record<string, unknown>;

export interface Problem {
  /** Such as `session.audio.input.format`, or `response.output[0].content[0].transcript`. */
  path: string;
  expected: string;
  got: string;
}

/** Allowed differences from the declared type. */
export interface Exceptions {
  /** Whether null may replace an optional property of `container`. */
  nullAt(path: string, container: JsonObject): boolean;
  /** The type of a property that the declaration lacks or declares differently. */
  typeAt(path: string): Type | undefined;
  /** Whether a property may be absent although the declared type requires it. */
  absentAt(path: string): boolean;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The differences between `value` and `type`; empty if there are none. */
export function problemsOf(type: Type, value: unknown, exceptions: Exceptions, path = ''): Problem[] {
  const wrong = (): Problem[] => [{ path, expected: describe(type), got: describeValue(value) }];
  switch (type.kind) {
    case 'unknown':
      return [];
    case 'reference':
      return problemsOf(type.resolve(), value, exceptions, path);
    case 'primitive':
      return typeof value === type.name ? [] : wrong();
    case 'literal':
      return value === type.value ? [] : wrong();
    case 'array':
      if (!Array.isArray(value)) return wrong();
      return value.flatMap((element, index) => problemsOf(type.element, element, exceptions, `${path}[${index}]`));
    case 'object':
      return isObject(value) ? problemsOfObject(type, value, exceptions, path) : wrong();
    case 'union':
      return problemsOfUnion(membersOf(type), value, exceptions, path) ?? wrong();
  }
}

function problemsOfObject(
  type: Extract<Type, { kind: 'object' }>,
  value: JsonObject,
  exceptions: Exceptions,
  path: string,
): Problem[] {
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  const missing = [...type.properties]
    .filter(([name, property]) => !property.optional && !(name in value) && !exceptions.absentAt(below(name)))
    .map(([name, property]) => ({ path: below(name), expected: describe(property.type), got: 'nothing' }));
  const present = Object.entries(value).flatMap(([name, inner]) => {
    const property = type.properties.get(name);
    if (inner === null && property?.optional && exceptions.nullAt(below(name), value)) return [];
    const declared = exceptions.typeAt(below(name)) ?? property?.type ?? type.others;
    if (declared) return problemsOf(declared, inner, exceptions, below(name));
    return [{ path: below(name), expected: 'no such property', got: describeValue(inner) }];
  });
  return [...missing, ...present];
}

/** Undefined if no member resembles the value. */
function problemsOfUnion(
  members: readonly Type[],
  value: unknown,
  exceptions: Exceptions,
  path: string,
): Problem[] | undefined {
  const alike = members.filter((member) => isAlike(member, value));
  const findings = alike.map((member) => problemsOf(member, value, exceptions, path));
  return findings.sort((a, b) => a.length - b.length)[0];
}

/** Whether a value is meant as this member: the same kind and, for objects, the same literals. */
function isAlike(member: Type, value: unknown): boolean {
  switch (member.kind) {
    case 'object':
      return isObject(value) && [...namesOf(member)].every(([name, literal]) => (value[name] ?? literal) === literal);
    case 'array':
      return Array.isArray(value);
    case 'literal':
      return member.value === value;
    case 'primitive':
      return typeof value === member.name;
    default:
      return true;
  }
}

/** The properties that identify an object's member of a union: those with a literal type, such as `type`. */
function* namesOf(type: Extract<Type, { kind: 'object' }>): Generator<[string, string]> {
  for (const [name, property] of type.properties) {
    const { type: declared } = property;
    if (declared.kind === 'literal' && typeof declared.value === 'string') yield [name, declared.value];
  }
}

function describe(type: Type): string {
  switch (type.kind) {
    case 'unknown':
      return 'anything';
    case 'primitive':
      return type.name;
    case 'reference':
      return type.name;
    case 'literal':
      return JSON.stringify(type.value);
    case 'array':
      return `an array of ${describe(type.element)}`;
    case 'object':
      return 'an object';
    case 'union':
      return type.members.map(describe).join(' | ');
  }
}

function describeValue(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
