/** Checks a JSON value against a declared type, and says where it differs. */

import { membersOf, type Type } from './official-declarations.ts';

export type JsonObject = Record<string, unknown>;

export interface Problem {
  /** Such as `session.audio.input.format`, or `response.output[0].content[0].transcript`. */
  path: string;
  expected: string;
  got: string;
}

/** Where a value may differ from its declared type. */
export interface Exceptions {
  /** Whether null may stand in an optional property of `container`. */
  nullAt(path: string, container: JsonObject): boolean;
  /** The type of a property that the declared type does not have, or another type for one that it has. */
  typeAt(path: string): Type | undefined;
  /** Whether a property may be absent though the declared type requires it. */
  absentAt(path: string): boolean;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How `value` differs from `type`; empty when it does not. */
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

/** Undefined where no member is like the value at all. */
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

/** Whether a value is meant as this member: of the same kind and, for objects, with the literals that name it. */
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

/** The properties that say which member of a union an object is: those with one name to them, such as its `type`. */
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
