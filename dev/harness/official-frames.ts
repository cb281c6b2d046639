/** Helpers for the rules in official-practice.ts. */

import { isObject, type JsonObject, type Problem } from './official-schema.ts';

/** The value at a path; undefined if there is none. */
export function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inner, name) => (Object(inner) === inner ? Object(inner)[name] : undefined), value);
}

/** A value in a message. */
export function text(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/** A problem if a value is not one of those known. */
export function oneOf(path: string, value: unknown, known: readonly unknown[]): Problem[] {
  return known.includes(value) ? [] : [{ path, expected: known.map(text).join(' | '), got: text(value) }];
}

/** A problem for each missing property. */
export function without(container: JsonObject, names: readonly string[], path = ''): Problem[] {
  return names
    .filter((name) => !(name in container))
    .map((name) => ({ path: path === '' ? name : `${path}.${name}`, expected: 'a value, or null', got: 'nothing' }));
}

/** The items in an event, with their paths. */
export function itemsOf(event: JsonObject): { path: string; item: JsonObject }[] {
  const output = at(event, 'response.output');
  const inResponse = Array.isArray(output) ? output : [];
  return [
    { path: 'item', item: event.item },
    ...inResponse.map((item: unknown, index) => ({ path: `response.output[${index}]`, item })),
  ].filter((each): each is { path: string; item: JsonObject } => isObject(each.item));
}

/** The content parts of an item, with their paths. */
export function partsOf(path: string, item: JsonObject): { path: string; part: JsonObject }[] {
  const content: unknown[] = Array.isArray(item.content) ? item.content : [];
  return content.flatMap((part, index) => (isObject(part) ? [{ path: `${path}.content[${index}]`, part }] : []));
}

/** A problem for each property that is null and must not be. */
export function nulls(
  path: string,
  container: JsonObject,
  allowed: (name: string, container: JsonObject) => boolean,
): Problem[] {
  return Object.entries(container)
    .filter(([name, value]) => value === null && !allowed(name, container))
    .map(([name]) => ({ path: `${path}.${name}`, expected: 'a value, or no such property', got: 'null' }));
}
