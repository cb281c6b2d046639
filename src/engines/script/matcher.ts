/** The condition of a rule on the user's words: words, or a regular expression. */

import { messageOf } from '../../core/errors.ts';

export type Matcher = { readonly words: string } | { readonly pattern: RegExp };

/** Captures of a pattern, by name and by number. */
export type Captures = ReadonlyMap<string, string>;

const regexPattern = /^\/(.*)\/([a-z]*)$/s;
const allowedFlags = /^[imsuv]*$/;

/** Parses `hello there`, or `/order (?<number>\d+)/i`; `problem` receives the reason why a pattern is invalid. */
export function parseMatcher(text: string, problem: (message: string) => void): Matcher | undefined {
  const match = regexPattern.exec(text.trim());
  if (match === null) {
    const words = plainWords(text);
    if (words !== '') return { words };
    problem('there is no word to recognise here: write some words, or a pattern such as /^(yes|yeah)/i.');
    return undefined;
  }
  const [, source = '', flags = ''] = match;
  if (!allowedFlags.test(flags)) {
    problem(`the flags '${flags}' of this pattern are not all known: allowed are i, m, s, u and v.`);
    return undefined;
  }
  try {
    return { pattern: new RegExp(source, flags) };
  } catch (error) {
    problem(`this pattern cannot be read: ${messageOf(error)}.`);
    return undefined;
  }
}

/** The names and numbers of a matcher's captures. */
export function captureNames(matcher: Matcher): string[] {
  if ('words' in matcher) return [];
  // An additional empty alternative always matches, and its result lists every group.
  const groups = new RegExp(`${matcher.pattern.source}|`, matcher.pattern.flags).exec('');
  const numbers = Array.from({ length: (groups?.length ?? 1) - 1 }, (_, index) => String(index + 1));
  return [...numbers, ...Object.keys(groups?.groups ?? {})];
}

/** The captures, or undefined if the text does not match. */
export function recognise(matcher: Matcher, text: string): Captures | undefined {
  if ('words' in matcher) return ` ${plainWords(text)} `.includes(` ${matcher.words} `) ? new Map() : undefined;
  const match = matcher.pattern.exec(text);
  if (match === null) return undefined;
  const numbered = match.slice(1).map((group, index): [string, string] => [String(index + 1), group ?? '']);
  const named = Object.entries(match.groups ?? {}).map(([name, group]): [string, string] => [name, group ?? '']);
  return new Map([...numbered, ...named]);
}

/** Lower case without punctuation: "Hello, there!" and "hello there" are equal. */
function plainWords(text: string): string {
  const bare = text.normalize('NFKC').toLowerCase().replace(/['’‘]/g, '');
  return bare.replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ').trim();
}
