/** The content of the conversation, parsed from the context of every request. */

import type { ContextItem, ModelRequest } from '../../../session/ports/language-model.ts';
import { cutWords, normalize, stem, truncate } from './words.ts';

/** Older items are not read, nor is the rest of a longer message. */
const MOST_ITEMS = 200;
const LONGEST_TEXT = 20_000;
/** Messages that are searched for facts. */
const MOST_REMEMBERED = 50;

export interface Utterance {
  role: 'system' | 'user' | 'assistant';
  text: string;
  images: number;
}

export interface Conversation {
  said: readonly Utterance[];
  /** The last message of the user. */
  user: Utterance | undefined;
  /** The user's request, and the answers to the questions about it. */
  asked: { text: string; answers: ReadonlyMap<string, string> };
  /** The user's unanswered messages as one text, including the last; empty if only the last is unanswered. */
  unanswered: string;
  /** Messages that no assistant message follows, newest first. */
  pending: readonly Utterance[];
  /** System messages before the user's first, which apply to the whole conversation, newest first. */
  standing: readonly Utterance[];
  /** Outputs of tools since the last message. */
  outputs: readonly string[];
  /** Names of the tools called since then. */
  called: ReadonlySet<string>;
  /** A called tool without an output. */
  waitingFor: string | undefined;
}

function readMessage(item: Extract<ContextItem, { type: 'message' }>): Utterance {
  const texts = item.content.flatMap((part) => (part.type === 'text' ? [truncate(part.text, LONGEST_TEXT)] : []));
  const images = item.content.filter((part) => part.type === 'image').length;
  return { role: item.role, text: truncate(texts.join(' '), LONGEST_TEXT), images };
}

const QUESTION = /^(?:what|who|where|when|which|why|how|do|does|did|is|are|was|whose)\b|\?$/i;
/** The form of a question for an argument. */
const ASKED = /^(?:Which [^?]{1,100}|How many[^?]{0,100})\?$/;
const NO_ANSWER = /^(?:never ?mind|cancel|stop|nothing|forget|no\b|tell|show|give|say)|^$/i;

/** Follows answers through their questions back to the request that they complete. */
function readRequest(said: readonly Utterance[]): Conversation['asked'] {
  const answers = new Map<string, string>();
  let at = said.findLastIndex((message) => message.role === 'user');
  for (; at >= 2; at -= 2) {
    const [request, question, answer] = said.slice(at - 2).map((message) => normalize(message.text));
    if (said[at - 2]?.role !== 'user' || said[at - 1]?.role !== 'assistant' || !question || !answer) break;
    if (!request || !ASKED.test(question) || QUESTION.test(answer) || NO_ANSWER.test(answer)) break;
    if (!answers.has(question)) answers.set(question, answer);
  }
  return { text: said[at]?.text ?? '', answers };
}

/** The introduction of a repetition. */
export const SAY_BACK = 'You said: "';

/** Whether an answer was interrupted before the end of its first repetition. */
function isCutOff(answer: string): boolean {
  return SAY_BACK.startsWith(answer) || (answer.startsWith(SAY_BACK) && !answer.includes('"', SAY_BACK.length));
}

export function readConversation(request: ModelRequest): Conversation {
  const items = request.items.slice(-MOST_ITEMS);
  const said = items.filter((item) => item.type === 'message').map(readMessage);
  const lastOf = (roles: string) => items.findLastIndex((item) => item.type === 'message' && roles.includes(item.role));
  const calls = items.slice(lastOf('user') + 1).filter((item) => item.type === 'call');
  const outputs = items.filter((item) => item.type === 'call_output');
  const answered = new Set(outputs.map((item) => item.callId));
  const fresh = new Set<ContextItem>(items.slice(lastOf('user assistant') + 1));
  const answeredAt = said.findLastIndex(({ role, text }) => role === 'assistant' && !isCutOff(text.trim()));
  const unanswered = said.slice(answeredAt + 1).filter(({ role, text }) => role === 'user' && text.trim() !== '');
  const firstUser = said.findIndex((message) => message.role === 'user');
  const opening = firstUser < 0 ? said : said.slice(0, firstUser);
  return {
    said,
    user: said.findLast((message) => message.role === 'user'),
    asked: readRequest(said),
    unanswered: unanswered.length > 1 ? unanswered.map(({ text }) => text.trim()).join(' ') : '',
    pending: said.slice(said.findLastIndex((message) => message.role === 'assistant') + 1).toReversed(),
    standing: opening.filter((message) => message.role === 'system').toReversed(),
    outputs: outputs.filter((item) => fresh.has(item)).map((item) => item.output),
    called: new Set(calls.map((item) => item.name)),
    waitingFor: calls.findLast((item) => !answered.has(item.callId))?.name,
  };
}

/** `your <label> <verb> <value>`; the user's name is labelled `name`. */
export interface Statement {
  label: string;
  verb: string;
  value: string;
}

const COURTESY =
  /^(?:(?:please|can you|could you|now|also|and|but|so|well|ok|okay|no|yes|actually|hi|hello|hey|there|sorry)[,.! ]+)+/i;
const NAMES: readonly RegExp[] = [
  /\bmy name(?:'s| is) (?!not )(.+)/iu,
  /\b(?:i'm|i am) called (.+)/iu,
  /^[Ii](?:'m| am) (?!\p{L}+(?:ish|ese|ican|[ds]ian|alian)\b|(?:French|German|Dutch|Greek|Fine|Here|Back|OK)\b)(\p{Lu}[\p{L}'-]+)[.!]?$/u,
  /^(?:just |you can |you may |people |everyone |everybody )?calls? me (?!an? |back\b|later\b|when\b|at\b|in\b|on\b)(.+)/iu,
];
/** Facts in other forms than `my … is …`. */
const AS_MINE: readonly (readonly [RegExp, string])[] = [
  [/^i live (?=in |at |on |near )/i, 'my home is '],
  [/^i(?:'m| am) ((?:\d+|\p{L}+(?:-\p{L}+)?) years old)/iu, 'my age is $1'],
  [/^i have (\d+|two|three|four|five|six|seven|eight|nine|ten|a dozen) (\p{L}+s)[.!]?$/iu, 'my number of $2 is $1'],
];
/** The start of another fact in the same sentence. */
const NEXT_FACT =
  /(?<=[.!?;]) |(?:,|,? (?:and|but)) (?=(?:my |i live |i have |i(?:'m| am) (?:called |(?:\d+|\p{L}+) years old)|(?:you can |people )?call me ))/iu;
const MINE = /\bmy ((?:[\p{L}\p{N}'-]{1,30} ){0,4}[\p{L}\p{N}'-]{1,30}?) (is|are|was|were) (.+)/iu;

/** A name without the rest of the sentence. */
function tidyName(value: string): string {
  const [name = ''] = value.split(/[,;!?()]|\.(?:\s|$)| (?:and|but|please|by the way)\b/iu);
  return cutWords(name.replace(/["“”«»]/g, ''), 5);
}

/** One key for British and American spellings. */
function keyOf(label: string): string {
  const british = label.toLowerCase().replace(/(favo|colo)r/g, '$1ur');
  return british.split(' ').map(stem).join(' ');
}

/** The facts that a user's message states. */
export function readStatements(message: Utterance): Statement[] {
  const sentences = normalize(message.text).split(NEXT_FACT);
  return sentences.flatMap((given) => {
    let sentence = given.replace(COURTESY, '');
    for (const [pattern, replacement] of AS_MINE) sentence = sentence.replace(pattern, replacement);
    if (QUESTION.test(sentence)) return [];
    const name = tidyName(NAMES.map((pattern) => pattern.exec(sentence)?.[1]).find(Boolean) ?? '');
    if (name) return { label: 'name', verb: 'is', value: name };
    const [, owned = '', verb = 'is', rest = ''] = MINE.exec(sentence) ?? [];
    const label = owned.split(/\bmy /i).at(-1);
    const value = truncate(rest.replace(/[.!;]$/, '').trim(), 300);
    return label && value ? { label, verb, value } : [];
  });
}

export type Memory = (label: string) => Statement | undefined;

/** The facts that the user stated recently; the latest statement takes precedence. */
export function remember(said: readonly Utterance[]): Memory {
  const users = said.filter(({ role }) => role === 'user');
  const statements = users.slice(-MOST_REMEMBERED).flatMap(readStatements);
  const facts = new Map(statements.map((statement) => [keyOf(statement.label), statement]));
  return (label) => facts.get(keyOf(label));
}
