/** Values that often break programs. */

import type { Random } from './random.ts';

export const oddNumbers: readonly number[] = [
  0,
  -0,
  -1,
  1,
  0.5,
  -0.5,
  1.5,
  127,
  128,
  255,
  256,
  4095,
  4096,
  4097,
  24_000,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  -(2 ** 31),
  -(2 ** 53),
  1e-7,
  5e-324,
  1e21,
  1e308,
  -1e308,
];

/** Keys with a special meaning in JavaScript. */
export const oddKeys: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'toJSON',
  'hasOwnProperty',
  'then',
  'length',
  '__defineGetter__',
  '',
  ' ',
  '0',
  '-1',
  'type',
  'event_id',
  'session',
  'id',
  'surplus',
  'ключ',
  '💥',
  'a.b',
  'a[0]',
];

const shortOddStrings: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'null',
  'undefined',
  'NaN',
  'true',
  '0',
  '-1',
  '1e9',
  'inf',
  'Infinity',
  'root',
  'none',
  'auto',
  '💥',
  'e\u0301',
  '\u202e\u202d',
  '\ufeff',
  '\ud800',
  '\udc00x',
  '\uffff',
  '\u2028',
  '\r\n',
  '"',
  '\\',
  '{{name}}',
  '{{',
  '%s%n',
  '../../etc/passwd',
  '<script>',
  'AAAA',
  'AAA',
  'A',
  '====',
  '_-_-',
  'A A A A',
  'item_a',
  '__proto__',
  'constructor',
  'http://127.0.0.1:1/',
  'http://[::1]/',
  'http://169.254.169.254/',
  'file:///etc/passwd',
  'data:image/png;base64,',
  'data:,',
  'javascript:0',
];

export function oddString(random: Random): string {
  return random.weighted<() => string>([
    [6, () => random.pick(shortOddStrings)],
    [
      2,
      () => random.pick(['a', 'é', '💥', '\u0000', '\ud83d']).repeat(random.pick([31, 32, 33, 63, 64, 65, 512, 513])),
    ],
    [1, () => 'x'.repeat(random.pick([1024, 2049, 4097, 9000]))],
    [1, () => Array.from({ length: random.integer(1, 12) }, () => randomCharacter(random)).join('')],
  ])();
}

export function oddValue(random: Random, depth = 0): unknown {
  return random.weighted<() => unknown>([
    [3, () => null],
    [4, () => oddString(random)],
    [4, () => random.pick(oddNumbers)],
    [2, () => random.chance(0.5)],
    [1, () => []],
    [1, () => ({})],
    [depth < 3 ? 1 : 0, () => Array.from({ length: random.integer(1, 4) }, () => oddValue(random, depth + 1))],
    [depth < 3 ? 1 : 0, () => withKey({}, random.pick(oddKeys), oddValue(random, depth + 1))],
    [0.2, () => nested(random.pick([20, 97, 99, 100, 101, 400]), random.chance(0.5))],
    [0.1, () => Array.from({ length: random.pick([129, 1025, 4000]) }, () => random.pick([0, null, {}, '']))],
  ])();
}

/** Defines an own property, even `__proto__`, which an assignment would not. An array's length does not change. */
export function withKey(holder: object, key: string, value: unknown): object {
  if (Array.isArray(holder) && key === 'length') return holder;
  return Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

function nested(depth: number, inArrays: boolean): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = inArrays ? [value] : { a: value };
  return value;
}

function randomCharacter(random: Random): string {
  return String.fromCodePoint(
    random.weighted([
      [4, random.integer(0, 127)],
      [2, random.integer(0, 0x7ff)],
      [1, random.integer(0, 0x10ffff)],
    ]),
  );
}
