/** Changes to an event as text: what is no JSON any more, or JSON as no library writes it. */

import { oddKeys } from './oddities.ts';
import type { Random } from './random.ts';

export function mutatedText(random: Random, text: string): string {
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

/** Of a key that stands twice the last one counts, for `JSON.parse`. */
function duplicateKey(random: Random, text: string): string {
  const braces = [...text.matchAll(/\{/g)];
  if (braces.length === 0) return text;
  const { index } = random.pick(braces);
  const key = random.chance(0.5) ? random.pick(oddKeys) : (/"([a-z_]+)":/.exec(text.slice(index))?.[1] ?? 'type');
  const value = random.pick(['null', '1', '"x"', '{}', '[]', 'true', '{"__proto__":{"polluted":true}}']);
  return `${text.slice(0, index + 1)}${JSON.stringify(key)}:${value},${text.slice(index + 1)}`;
}

/** The same text, with each letter as an escape. */
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
