/** Mutations of an event: as a value, and as text. */

import { oddKeys, oddNumbers, oddString, oddValue, withKey } from './oddities.ts';
import type { Random } from './random.ts';

interface Place {
  holder: object;
  key: string;
}

/** A copy of `event` with one to three changes. */
export function mutateJson(random: Random, event: object): object {
  const copy = structuredClone(event);
  const changes = random.weighted([
    [6, 1],
    [3, 2],
    [1, 3],
  ]);
  for (let change = 0; change < changes; change++) mutateOnce(random, copy);
  return copy;
}

function mutateOnce(random: Random, root: object): void {
  const places = placesIn(root);
  const place = places.length === 0 ? undefined : random.pick(places);
  if (place === undefined) {
    withKey(root, random.pick(oddKeys), oddValue(random));
    return;
  }
  const { holder, key } = place;
  const value: unknown = Reflect.get(holder, key);
  const put = (replacement: unknown) => withKey(holder, key, replacement);
  random.weighted<() => unknown>([
    [5, () => put(oddValue(random))],
    [3, () => Reflect.deleteProperty(holder, key)],
    [2, () => withKey(holder, random.pick(oddKeys), oddValue(random))],
    [4, () => put(nearby(random, value))],
    [1, () => put([value])],
    [1, () => put({ [key]: value })],
    [1, () => withKey(holder, misspelt(random, key), value)],
    [2, () => swap(place, random.pick(places))],
    [1, () => put(structuredClone(Reflect.get(...spread(random.pick(places)))))],
    [1, () => repeat(random, value)],
  ])();
}

/** A value similar to the given one. */
function nearby(random: Random, value: unknown): unknown {
  if (typeof value === 'number') {
    return random.pick([
      value + 1,
      value - 1,
      -value,
      value * 10,
      value / 2,
      value + 0.5,
      String(value),
      random.pick(oddNumbers),
    ]);
  }
  if (typeof value === 'boolean') return random.pick([!value, String(value), Number(value)]);
  if (typeof value !== 'string') return oddValue(random);
  const at = random.integer(0, value.length);
  return random.weighted<() => string>([
    [2, () => value.slice(0, at)],
    [2, () => value.slice(0, at) + random.pick(['=', '-', ' ', '\n', '\u0000', 'é', '%', '"']) + value.slice(at + 1)],
    [1, () => value + value],
    [1, () => value.toUpperCase()],
    [1, () => ` ${value} `],
    [1, () => oddString(random)],
  ])();
}

function misspelt(random: Random, key: string): string {
  return random.pick([`${key}s`, key.slice(1), key.toUpperCase(), `${key}_`, key.replaceAll('_', ''), ` ${key}`]);
}

function swap(one: Place, other: Place): void {
  const first: unknown = Reflect.get(...spread(one));
  const second: unknown = Reflect.get(...spread(other));
  // A value that contains itself cannot be JSON.
  withKey(one.holder, one.key, structuredClone(second));
  withKey(other.holder, other.key, structuredClone(first));
}

function repeat(random: Random, value: unknown): void {
  if (!Array.isArray(value) || value.length === 0 || value.length > 64) return;
  const elements = [...value];
  for (let times = random.pick([1, 2, 20]); times > 0; times--) value.push(...structuredClone(elements));
}

function spread({ holder, key }: Place): [object, string] {
  return [holder, key];
}

function placesIn(root: object): Place[] {
  const places: Place[] = [];
  const visit = (holder: object, depth: number) => {
    for (const [key, child] of Object.entries(holder)) {
      if (places.length >= 400) return;
      places.push({ holder, key });
      if (typeof child === 'object' && child !== null && depth < 50) visit(child, depth + 1);
    }
  };
  visit(root, 0);
  return places;
}

/** The text with a change after which it is invalid JSON, or JSON that no library writes. */
export function mutateText(random: Random, text: string): string {
  const at = random.integer(0, text.length);
  const end = Math.min(text.length, at + random.integer(1, 20));
  return random.weighted<() => string>([
    [4, () => text.slice(0, at)],
    [2, () => text.slice(0, at) + text.slice(end)],
    [2, () => text.slice(0, at) + text.slice(at, end) + text.slice(at)],
    [3, () => text.slice(0, at) + random.pick(insertions) + text.slice(at)],
    [3, () => duplicateKey(random, text)],
    [2, () => text.replace(/\d+(\.\d+)?/, random.pick(numbers))],
    [1, () => text + random.pick(insertions)],
    [1, () => `${random.pick(['\ufeff', ' '.repeat(3000), '\n\t', '//\n', ")]}'\n"])}${text}`],
    [1, () => text.replaceAll('"', "'")],
    [1, () => `${'['.repeat(random.pick([10, 90, 101, 5000]))}${text}`],
    [1, () => text.replace(/"(?=[a-z])/, '"\\u0000')],
    [1, () => escaped(text)],
  ])();
}

/** For a repeated key, `JSON.parse` uses the last value. */
function duplicateKey(random: Random, text: string): string {
  const braces = [...text.matchAll(/\{/g)];
  if (braces.length === 0) return text;
  const { index } = random.pick(braces);
  const key = random.chance(0.5) ? random.pick(oddKeys) : (/"([a-z_]+)":/.exec(text.slice(index))?.[1] ?? 'type');
  const value = random.pick(['null', '1', '"x"', '{}', '[]', 'true', '{"__proto__":{"polluted":true}}']);
  return `${text.slice(0, index + 1)}${JSON.stringify(key)}:${value},${text.slice(index + 1)}`;
}

/** The same text with each letter escaped. */
function escaped(text: string): string {
  return text.replaceAll(/[a-z]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
}

const insertions = [
  ',',
  ':',
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  '\u0000',
  '\u2028',
  '\\ud800',
  '\\u0000',
  '\\x41',
  '/**/',
  '-',
  'e',
  '.',
  'null',
  '__proto__',
  '{"a":',
  '[[',
  ']]',
  '\ud83d',
  '💥',
];

const numbers = ['1e999', '-1e999', '00', '0x1f', 'NaN', '-', '1.', '.5', '+1', '1e', '9'.repeat(400), '-0', '1E5'];
