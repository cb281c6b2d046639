/** What the conversation so far says: read anew from the context of every request. */

import type { ContextItem, ModelRequest } from '../../session/ports.ts';
import { bounded, plain, stem } from './words.ts';

/** The oldest items beyond this are not read, nor what follows this much of one message. */
const MOST_ITEMS = 200;
const LONGEST_TEXT = 20_000;

export interface Said {
  role: 'system' | 'user' | 'assistant';
  text: string;
  images: number;
}

export interface Conversation {
  said: readonly Said[];
  /** The last message of the user. */
  user: Said | undefined;
  /** What the user asked for, and the answers to the questions about it. */
  asked: { text: string; answers: ReadonlyMap<string, string> };
  /** Messages that no assistant message follows, newest first. */
  pending: readonly Said[];
  /** System messages from before the user's first: they hold for the whole conversation, newest first. */
  standing: readonly Said[];
  /** What tools answered since the last words of either side. */
  outputs: readonly string[];
  /** Names of the tools called since then. */
  called: ReadonlySet<string>;
  /** One of them that has not answered yet. */
  waitingFor: string | undefined;
}

function readMessage(item: Extract<ContextItem, { type: 'message' }>): Said {
  const texts = item.content.flatMap((part) => (part.type === 'text' ? [bounded(part.text, LONGEST_TEXT)] : []));
  const images = item.content.filter((part) => part.type === 'image').length;
  return { role: item.role, text: bounded(texts.join(' '), LONGEST_TEXT), images };
}

const QUESTION = /^(?:what|who|where|when|which|why|how|do|does|did|is|are|was|whose)\b|\?$/i;
/** The form of a question for an argument. */
const ASKED = /^(?:Which [^?]{1,100}|How many[^?]{0,100})\?$/;
const NO_ANSWER = /^(?:never ?mind|cancel|stop|nothing|forget|no\b|tell|show|give|say)|^$/i;

/** Follows answers back through their questions to the request that they complete. */
function readRequest(said: readonly Said[]): Conversation['asked'] {
  const answers = new Map<string, string>();
  let at = said.findLastIndex((message) => message.role === 'user');
  for (; at >= 2; at -= 2) {
    const [request, question, answer] = said.slice(at - 2).map((message) => plain(message.text));
    if (said[at - 2]?.role !== 'user' || said[at - 1]?.role !== 'assistant' || !question || !answer) break;
    if (!request || !ASKED.test(question) || QUESTION.test(answer) || NO_ANSWER.test(answer)) break;
    if (!answers.has(question)) answers.set(question, answer);
  }
  return { text: said[at]?.text ?? '', answers };
}

export function readConversation(request: ModelRequest): Conversation {
  const items = request.items.slice(-MOST_ITEMS);
  const said: Said[] = [];
  let outputs: string[] = [];
  let called = new Set<string>();
  const unanswered = new Map<string, string>();
  for (const item of items) {
    if (item.type === 'message') {
      const message = readMessage(item);
      said.push(message);
      if (message.role !== 'system') outputs = [];
      if (message.role === 'user') {
        called = new Set();
        unanswered.clear();
      }
    } else if (item.type === 'call') {
      called.add(item.name);
      unanswered.set(item.callId, item.name);
    } else {
      outputs.push(item.output);
      unanswered.delete(item.callId);
    }
  }
  const newest = said.toReversed();
  const answered = newest.findIndex((message) => message.role === 'assistant');
  const firstUser = said.findIndex((message) => message.role === 'user');
  const opening = firstUser < 0 ? said : said.slice(0, firstUser);
  return {
    said,
    user: newest.find((message) => message.role === 'user'),
    asked: readRequest(said),
    pending: answered < 0 ? newest : newest.slice(0, answered),
    standing: opening.filter((message) => message.role === 'system').toReversed(),
    outputs,
    called,
    waitingFor: [...unanswered.values()].at(-1),
  };
}

export type Statement = { kind: 'name'; value: string } | { kind: 'fact'; label: string; verb: string; value: string };

const COURTESY =
  /^(?:(?:please|can you|could you|now|also|and|but|so|well|ok|okay|no|yes|actually|hi|hello|hey|there|sorry)[,.! ]+)+/i;
const NAMES: readonly RegExp[] = [
  /\bmy name(?:'s| is) (?!not )(.+)/iu,
  /\b(?:i'm|i am) called (.+)/iu,
  /^[Ii](?:'m| am) (?!\p{L}+(?:ish|ese|ican|[ds]ian|alian)\b|(?:French|German|Dutch|Greek|Fine|Here|Back|OK)\b)(\p{Lu}[\p{L}'-]+)[.!]?$/u,
  /^(?:just |you can |you may |people |everyone |everybody )?calls? me (?!an? |back\b|later\b|when\b|at\b|in\b|on\b)(.+)/iu,
];
const MINE = /\bmy ((?:[\p{L}\p{N}'-]{1,30} ){0,4}[\p{L}\p{N}'-]{1,30}?) (is|are|was|were) (.+)/iu;

/** A name without what follows it in the sentence. */
function tidyName(value: string): string {
  const [name = ''] = value.split(/[,;!?()]|\.(?:\s|$)| (?:and|but|please|by the way)\b/iu);
  return plain(name.replace(/["“”«»]/g, ''))
    .split(' ')
    .slice(0, 5)
    .join(' ');
}

/** One key for British and American spellings. */
function keyOf(label: string): string {
  const british = label
    .toLowerCase()
    .replace(/favorite/g, 'favourite')
    .replace(/color/g, 'colour');
  return british.split(' ').map(stem).join(' ');
}

function sentences(text: string): string[] {
  return plain(text).split(/(?<=[.!?;]) |,? (?:and|but) (?=my )/i);
}

/** What a user's message states. */
export function readStatements(message: Said): Statement[] {
  const found: Statement[] = [];
  for (const whole of sentences(message.text)) {
    const sentence = whole
      .replace(COURTESY, '')
      .replace(/^i live (?=in |at |on |near )/i, 'my home is ')
      .replace(
        /^i have (\d+|two|three|four|five|six|seven|eight|nine|ten|a dozen) (\p{L}+s)[.!]?$/iu,
        'my number of $2 is $1',
      );
    if (QUESTION.test(sentence)) continue;
    const name = tidyName(NAMES.map((pattern) => pattern.exec(sentence)?.[1]).find(Boolean) ?? '');
    if (name) {
      found.push({ kind: 'name', value: name });
      continue;
    }
    const mine = MINE.exec(sentence);
    const label = mine?.[1]?.split(/\bmy /i).at(-1);
    const value = mine?.[3]?.replace(/[.!;]$/, '').trim();
    if (label && value) found.push({ kind: 'fact', label, verb: mine?.[2] ?? 'is', value: bounded(value, 300) });
  }
  return found;
}

export interface Memory {
  userName?: string;
  fact(label: string): Extract<Statement, { kind: 'fact' }> | undefined;
}

/** Everything that the user stated; the latest statement wins. */
export function remember(said: readonly Said[]): Memory {
  const facts = new Map<string, Extract<Statement, { kind: 'fact' }>>();
  let userName: string | undefined;
  for (const statement of said.filter(({ role }) => role === 'user').flatMap(readStatements)) {
    if (statement.kind === 'fact') facts.set(keyOf(statement.label), statement);
    else userName = statement.value;
  }
  return { ...(userName !== undefined && { userName }), fact: (label) => facts.get(keyOf(label)) };
}
