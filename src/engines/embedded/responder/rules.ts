/** The answers that need no tool, as rules in order of precedence. */

import type { Calendar } from './calendar.ts';
import { readInstructed } from './instructed.ts';
import { type Conversation, type Memory, readStatements, SAY_BACK, type Utterance } from './memory.ts';
import { answerSum } from './sums.ts';
import { cutWords, normalize, stripPunctuation } from './words.ts';

export interface Situation {
  conversation: Conversation;
  memory: Memory;
  calendar: Calendar;
  spoken: boolean;
}

const INVITATION = 'Say something, and I will answer.';
const WHAT_I_DO =
  'I can greet you, tell the time, do sums, remember what you tell me, say what you ask me to, and call your tools.';
const WHAT_I_AM = `Parley's stand-in for a language model: a few rules that let you try everything else. ${WHAT_I_DO}`;
const HOW_TO_REPLACE =
  "For real answers, configure a language model: the README describes it under 'Your own engines'.";

/** A rule answers a request, passed without and with punctuation, or returns undefined for the next rule to try. */
type Rule = (words: string, text: string, situation: Situation) => string | undefined;

const FILLER = /^(?:(?:hello|hi|hey|ok|okay|so|well|um|uh|please|now|and|alright|parley|there|sorry) )+/;

const withName = (greeting: string, { memory }: Situation) =>
  [greeting, memory('name')?.value].filter(Boolean).join(', ');

const greet: Rule = (words, _text, situation) => {
  const found = /^(hello|hi|hey|howdy|greetings|good (?:morning|afternoon|evening|day))\b(.*)$/.exec(words);
  if (!found || found[2]?.replace(/ (?:hello|hi|hey|there|again|everyone|all|parley|to you)(?= |$)/g, '').trim()) {
    return undefined;
  }
  const greeting = found[1]?.startsWith('good') ? `G${found[1].slice(1)}` : 'Hello';
  return `${withName(greeting, situation)}! How can I help?`;
};

/** Small talk with fixed answers. */
const FIXED: readonly (readonly [asked: RegExp, answer: string])[] = [
  [
    /\bhow are (?:you|things)(?: doing)?(?: today| there)?$|\bhow's it going$|\bhow do you do$/,
    'I am well, thank you. How can I help?',
  ],
  [/\bcan you hear me\b/, 'Yes, I hear you.'],
  [/^(?:many thanks|thanks|thank you|cheers)\b(?: \S+){0,4}$/, 'You are welcome.'],
  [
    /\bwhat(?:'s| is) your name\b|\bwhat are you called\b|\bdo you have a name\b|\bwhat should i call you\b/,
    `I have no name of my own. I am ${WHAT_I_AM}`,
  ],
  [
    /\b(?:who|what) are you(?: really| exactly)?$|\bwhat can you do\b|\b(?:what|which|whose) (?:language )?model\b|\bwhat is parley\b|\bare you (?:an? |the )?(?:real|human|person|robot|bot|ai|machine|computer|language model|llm|gpt|chatgpt)\b/,
    `I am ${WHAT_I_AM} ${HOW_TO_REPLACE}`,
  ],
  [
    /^(?:(?:can|could) you )?help(?: me)?(?: out)?(?: please)?$|^i need help$|\bwhat (?:can|could|should|do) i (?:say|ask|do)(?: to you| you| here)?$|\bhow does this work$/,
    `${WHAT_I_DO} Try: what time is it? What is twelve times seven? My name is Ada. Say exactly: good morning.`,
  ],
];

const smallTalk: Rule = (words, _text, situation) => {
  const request = words.replace(FILLER, '');
  const leaving = /^(?:good ?bye|bye|see you|good night|farewell)\b(?: \S+){0,4}$/.test(request);
  return leaving ? `${withName('Goodbye', situation)}!` : FIXED.find(([asked]) => asked.test(request))?.[1];
};

function previousUtterance(situation: Situation, role: Utterance['role']): string | undefined {
  const { said, user } = situation.conversation;
  const before = user ? said.slice(0, said.lastIndexOf(user)) : said;
  return before.findLast((message) => message.role === role && message.text.trim())?.text.trim();
}

const recallWords: Rule = (words, _text, situation) => {
  if (/\bwhat did i (?:just |last )?(?:say|tell you|ask)(?: you)?(?: just now| before)?$/.test(words)) {
    const mine = previousUtterance(situation, 'user');
    return mine ? `You said: "${mine}"` : 'You have not said anything before that.';
  }
  const again = words.replace(FILLER, '').replace(/(?: (?:please|again|one more time|once more))+$/, '');
  if (/^(?:(?:can|could) you )?(?:what did you (?:just )?say|(?:say|repeat) (?:that|it)|pardon(?: me)?)$/.test(again)) {
    return previousUtterance(situation, 'assistant') ?? 'I have not said anything yet.';
  }
  return undefined;
};

const ASKED_FACT =
  /\b(?:(?:what|who|where|when|which)(?:'s| is| are| was| were)|tell me|do you (?:know|remember)|remind me)(?: of)?(?: what| who| where)? my (.+)$/;

function recallFact(request: string, { memory }: Situation): { answer?: string; label: string } | undefined {
  const words = request
    .replace(/\bhow old am i$/, 'what is my age')
    .replace(/\bwhere do i live$/, 'where is my home')
    .replace(/\bhow many (.+) do i have$/, 'what is my number of $1');
  const label = /\bwho am i$|\bwhat am i called$|\bdo you (?:know|remember) me$/.test(words)
    ? 'name'
    : ASKED_FACT.exec(words)?.[1]?.replace(/ (?:is|are|again|please|now|called)$/, '');
  if (!label) return undefined;
  const fact = memory(label);
  return { label, answer: fact && `Your ${fact.label} ${fact.verb} ${fact.value}.` };
}

const recallKnown: Rule = (words, _text, situation) => recallFact(words, situation)?.answer;

const recallUnknown: Rule = (words, _text, situation) => {
  const asked = recallFact(words, situation);
  return asked && `You have not told me your ${cutWords(asked.label, 8)}.`;
};

const timeAndDate: Rule = (words, _text, { calendar }) => {
  if (/\bwhat(?:'s the| is the)? time\b|\b(?:tell me|have|know) the time\b|\bwhat time it is\b/.test(words)) {
    const elsewhere = /\btime(?: is it)? (?:now )?in (?!words)/.test(words) ? 'I only know the time here. ' : '';
    return `${elsewhere}It is ${calendar.time()}.`;
  }
  const asksDay =
    /\bwhat(?:'s the| is the| is)? (?:day|date|year|month)\b|\bwhat(?:'s| is| was) (?:today|tomorrow|yesterday)\b|\b(?:tell me|know) (?:the|today's|what) (?:date|day)\b/;
  if (!asksDay.test(words)) return undefined;
  if (/\btomorrow\b/.test(words)) return `Tomorrow is ${calendar.date(1)}.`;
  if (/\byesterday\b/.test(words)) return `Yesterday was ${calendar.date(-1)}.`;
  return `Today is ${calendar.date()}.`;
};

const sum: Rule = (_words, text, { spoken }) => answerSum(text, spoken);

const acknowledge: Rule = (_words, _text, { conversation: { user } }) =>
  (user ? readStatements(user) : [])
    .map(({ label, verb, value }) =>
      label === 'name' ? `Nice to meet you, ${value}.` : `Got it: your ${label} ${verb} ${value}.`,
    )
    .join(' ');

const sayBack: Rule = (_words, text, { conversation }) => {
  const heard = text ? `${SAY_BACK}${cutWords(text, 15).replace(/\.$/, '')}".` : '';
  const images = conversation.user?.images ?? 0;
  if (images === 0) return heard || INVITATION;
  return `You showed me ${images === 1 ? 'an image' : `${images} images`}, but I cannot see. ${heard || INVITATION}`;
};

const BEFORE_TOOLS: readonly Rule[] = [greet, smallTalk, recallWords, recallKnown];
const AFTER_TOOLS: readonly Rule[] = [timeAndDate, sum, acknowledge, recallUnknown];

function apply(
  rules: readonly Rule[],
  situation: Situation,
  request = situation.conversation.user?.text ?? '',
): string | undefined {
  const text = normalize(request);
  const words = stripPunctuation(text);
  return rules
    .values()
    .map((rule) => rule(words, text, situation))
    .find(Boolean);
}

/** The answer to the instructions of one response; undefined if no rule applies. */
export function answerInstructions(text: string, situation: Situation): string | undefined {
  const instructed = readInstructed(text);
  if (instructed === undefined) return apply([...BEFORE_TOOLS, timeAndDate, sum], situation, text);
  const { greets, introduces, question } = instructed;
  const parts = [
    greets ? `${withName('Hello', situation)}!` : '',
    introduces ? `I am ${WHAT_I_AM}` : '',
    question ?? (greets ? 'How can I help?' : ''),
  ];
  return parts.filter(Boolean).join(' ');
}

/** Small talk and questions about the conversation, which take precedence over tools. */
export function answerAtOnce(situation: Situation): string | undefined {
  const { user, pending, waitingFor } = situation.conversation;
  if (!user) return `${withName('Hello', situation)}! ${INVITATION}`;
  // A blank message is absent from the context, so the last words are the assistant's own.
  if (!pending.includes(user)) return waitingFor ? undefined : INVITATION;
  return apply(BEFORE_TOOLS, situation);
}

/** The answer if no tool applies either; there is always one. */
export function fallbackAnswer(situation: Situation): string {
  const { unanswered } = situation.conversation;
  return (
    apply(AFTER_TOOLS, situation) ??
    // A pause may have split one request into several messages.
    (unanswered === '' ? undefined : apply([...BEFORE_TOOLS, ...AFTER_TOOLS], situation, unanswered)) ??
    apply([sayBack], situation, unanswered || undefined) ??
    INVITATION
  );
}
