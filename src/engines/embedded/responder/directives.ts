/** Commands to say specific words: `say exactly …`, `repeat after me …`, `reply with the word …`. */

import { truncate } from './words.ts';

const SPEAK = '(?:say|speak|repeat|respond|reply|answer|output|print|write)';
const OPENERS = '"“”„«`‘\'';
const QUOTED =
  /^(?:"([^"]*)"|“([^”]*)”|”([^”]*)”|„([^“”]*)[“”]|«([^»]*)»|`([^`]*)`|‘([^’]*)’|'(.*?)'(?![\p{L}\p{N}]))/su;

/** Each match ends where the words to say begin. */
const COMMANDS: readonly RegExp[] = [
  new RegExp(
    `\\b${SPEAK}(?:\\s+back)?(?:\\s+to\\s+(?:me|the\\s+user))?(?:\\s+with)?(?:\\s+(?:only|just|the))?\\s+(?:exactly|verbatim|precisely|literally|word\\s+for\\s+word)` +
      `(?:\\s+(?:the|these)\\s+following(?=[\\s:])|\\s+(?:this|(?:the|these)\\s+(?:words?|phrase|sentence|text))(?=\\s*[:${OPENERS}]))?`,
    'iu',
  ),
  /\b(?:repeat|say)(?:\s+this)?\s+after\s+me/iu,
  /\b(?:say|repeat|(?:respond|reply|answer)(?:\s+only)?\s+with)(?:\s+(?:only|just))?\s+the\s+(?:(?:single|exact|following|one)\s+)?(?:words?|phrase|sentence|text)(?=[\s:])/iu,
  new RegExp(
    `\\b(?:say|repeat|(?:respond|reply|answer)(?:\\s+only)?\\s+with)(?:\\s+(?:only|just))?(?:\\s+(?:this|the\\s+following))?\\s*(?=:\\s|:[${OPENERS}\\p{L}\\p{N}]|(?<=\\s)[${OPENERS}])`,
    'iu',
  ),
];

/** `say hello` at the start of a request. */
const PLAIN_SAY = /^\s*(?:(?:please|now|ok|okay|just|hey|and|(can|could|would|will)\s+you)[\s,]+)*say\s+(?=\S)/iu;

/** A sentence with this start states a condition or a prohibition, not a command. */
const CONDITIONAL = /\b(?:if|when|whenever|unless|never|not|don't|don’t|did|how)\b/iu;
/** In instructions, a sentence with this start does not either: `users may say: …`. */
const HEARSAY = /\b(?:can|may|might|could|would|example|users?|callers?|customers?|they)\b/iu;
/**
 * A description of the words rather than the words themselves: `say exactly what you think`, `answer with exactly one
 * sentence`.
 */
const DESCRIPTION =
  /^(?:what|as|how|like|in|whatever|(?:one|two|three|four|five|\d+)\s+(?:words?|sentences?|lines?|paragraphs?))\b/iu;
const AFTERTHOUGHT =
  /(?:[,;]?\s+and\s+(?:nothing|no\s+more)|(?<=[.!?]\s+)(?:nothing\s+else|(?:do\s+not|don['’]t)\s+(?:say|add|include|output|write|reply|respond|answer))).{0,80}$/iu;

const quotedText = (text: string) =>
  QUOTED.exec(text)
    ?.slice(1)
    .find((words) => words !== undefined);

/** The sentence up to `index`, at most 200 characters of it. */
function sentenceBefore(text: string, index: number): string {
  const before = text.slice(Math.max(0, index - 200), index);
  return before.slice(Math.max(...[...'.!?\n;:'].map((mark) => before.lastIndexOf(mark))) + 1);
}

function wordsToSay(rest: string, command: string, trusted: boolean): string | undefined {
  const text = rest.replace(/^\s*[:,.;–—-]?(?=[\s"“„«`‘'])\s*|^:/u, '').trimEnd();
  const inQuotes = quotedText(text.trimStart());
  if (inQuotes !== undefined) return inQuotes;
  let say = text.trim();
  const explicit = /^\s*:/.test(rest);
  if (!explicit && DESCRIPTION.test(say)) return undefined;
  if (/\bword$/i.test(command)) say = /^[^\s.,;!?]+/u.exec(say)?.[0] ?? say;
  if (!trusted) say = say.split('\n', 1)[0] ?? say;
  const tail = say.slice(-160);
  return say.slice(0, say.length - tail.length) + tail.replace(AFTERTHOUGHT, '');
}

/**
 * The words that a command asks to say, if the text contains one. `trusted` text is a user's own request, in which
 * unquoted words extend to its end; in instructions they extend to the end of the line, because more instructions may
 * follow.
 */
export function wordsAskedFor(text: string, trusted: boolean): string | undefined {
  const source = truncate(text, 20_000);
  for (const pattern of COMMANDS) {
    const found = pattern.exec(source);
    if (!found) continue;
    const before = sentenceBefore(source, found.index);
    if (CONDITIONAL.test(before) || (!trusted && HEARSAY.test(before))) continue;
    const say = wordsToSay(source.slice(found.index + found[0].length), found[0], trusted);
    if (say?.trim()) return say;
  }
  const request = PLAIN_SAY.exec(source);
  if (!request || /^(?:that|it|this)\b/i.test(source.slice(request[0].length))) return undefined;
  if (!trusted && source.length > 200) return undefined;
  let say = source.slice(request[0].length).trim();
  if (request[1]) say = say.replace(/\?$/, '');
  say = quotedText(say) ?? say.replace(/(?<!\s)\s+to\s+the\s+(?:user|caller|customer)\b[.!]?$/iu, '');
  return say || undefined;
}
