/**
 * The position of a conversation in its script. It is derived from the context of the generation alone, so that dropped
 * generations have no effect, and the same conversation always gets the same answer.
 */

import { tryParseJson } from '../../core/json.ts';
import type { ContextItem } from '../../session/ports/language-model.ts';
import { EngineError } from '../engine-error.ts';
import { type Captures, recognise } from './matcher.ts';
import type { Rule, Script, Step } from './script.ts';
import type { Lookup } from './template.ts';

export interface Situation {
  /** The steps of the next response, up to and including the first that calls a tool. */
  readonly steps: readonly Step[];
  readonly lookup: Lookup;
}

interface Turn {
  readonly number: number;
  readonly text: string;
  /** The items between this message and the next turn. */
  readonly after: readonly ContextItem[];
}

const noCaptures: Captures = new Map();

/**
 * The script's next action.
 * @throws {EngineError} when the script does not cover this turn
 */
export function situationOf(script: Script, items: readonly ContextItem[]): Situation {
  const turns = turnsOf(items);
  const turn = turns.at(-1) ?? { number: 0, text: '', after: [] };
  const { steps, captures, place } = answerTo(script, turns, turn);
  const outputs = outputsOf(turn);
  const { next, partly } = progress(steps, outputs.length);
  const waiting = unansweredCalls(turn);
  // Some clients request a response after each of several outputs, or right after their approval of a call; the answer
  // is due when all outputs have arrived.
  const byServer = new Set(steps.flatMap(({ calls }) => calls.filter((call) => call.byServer).map(({ name }) => name)));
  const early = partly || waiting.every((name) => byServer.has(name));
  if (early && waiting.length > 0) return { steps: [], lookup: () => '' };
  if (waiting.length > 0) {
    const missing = `the output of ${waiting.join(' and ')} is missing`;
    throw fault(place, `${missing}: send it as function_call_output before asking for a response.`);
  }
  if (next >= steps.length) throw fault(place, "nothing follows the last call here. Add 'then' with the next step.");
  const end = steps.findIndex((step, index) => index >= next && step.calls.length > 0);
  return {
    steps: steps.slice(next, end === -1 ? undefined : end + 1),
    lookup: lookupFor(turn, captures, outputs),
  };
}

function fault(place: string, message: string): EngineError {
  return new EngineError('script', `${place}: ${message}`);
}

/** The user's messages, from 1, each with the items that follow it. */
function turnsOf(items: readonly ContextItem[]): Turn[] {
  const starts = items.flatMap((item, index) => (isUser(item) ? [index] : []));
  return starts.map((start, index) => ({
    number: index + 1,
    text: textOf(items[start]),
    after: items.slice(start + 1, starts[index + 1]),
  }));
}

function isUser(item: ContextItem): boolean {
  return item.type === 'message' && item.role === 'user';
}

function textOf(item: ContextItem | undefined): string {
  if (item?.type !== 'message') return '';
  return item.content.flatMap((part) => (part.type === 'text' ? [part.text.trim()] : [])).join(' ');
}

function answerTo(
  script: Script,
  turns: readonly Turn[],
  turn: Turn,
): { steps: readonly Step[]; captures: Captures; place: string } {
  const spent = new Set<Rule>();
  for (const earlier of turns.slice(0, -1)) {
    const found = earlier.after.some(isAnswer) ? ruleFor(script, earlier, spent) : undefined;
    if (found?.rule.once) spent.add(found.rule);
  }
  const found = ruleFor(script, turn, spent);
  if (found) return { steps: found.rule.steps, captures: found.captures, place: found.rule.place };
  const { otherwise } = script;
  if (otherwise) return { steps: otherwise, captures: noCaptures, place: otherwise[0]?.place ?? script.file };
  const what =
    turn.number === 0 ? 'an answer before the user said anything (turn 0)' : `turn ${turn.number}, "${turn.text}"`;
  throw fault(script.file, `no rule matches ${what}. Add one, or 'else'.`);
}

function isAnswer(item: ContextItem): boolean {
  return item.type === 'call' || (item.type === 'message' && item.role === 'assistant');
}

function ruleFor(script: Script, turn: Turn, spent: ReadonlySet<Rule>): { rule: Rule; captures: Captures } | undefined {
  for (const rule of script.rules) {
    if (spent.has(rule) || (rule.turn !== undefined && rule.turn !== turn.number)) continue;
    if (rule.when.length === 0) return { rule, captures: noCaptures };
    if (turn.number === 0) continue;
    for (const matcher of rule.when) {
      const captures = recognise(matcher, turn.text);
      if (captures) return { rule, captures };
    }
  }
  return undefined;
}

interface Output {
  readonly name: string;
  readonly text: string;
}

/** The outputs of the calls of this turn, in the order of the calls. */
function outputsOf({ after }: Turn): Output[] {
  const texts = new Map(after.flatMap((item) => (item.type === 'call_output' ? [[item.callId, item.output]] : [])));
  return after.flatMap((item) => {
    const text = item.type === 'call' ? texts.get(item.callId) : undefined;
    return item.type === 'call' && text !== undefined ? [{ name: item.name, text }] : [];
  });
}

/** The tools whose outputs are missing; interrupted calls are ignored. */
function unansweredCalls({ after }: Turn): string[] {
  const known = new Set(after.flatMap((item) => (item.type === 'call_output' ? [item.callId] : [])));
  return after.flatMap((item) =>
    item.type === 'call' && !known.has(item.callId) && tryParseJson(item.arguments) !== undefined ? [item.name] : [],
  );
}

/** The step after this many answered calls, and whether some calls of one step are still unanswered. */
function progress(steps: readonly Step[], outputs: number): { next: number; partly: boolean } {
  let left = outputs;
  for (const [next, { calls }] of steps.entries()) {
    if (left === 0) return { next, partly: false };
    if (left < calls.length) return { next: next + 1, partly: true };
    left -= calls.length;
  }
  return { next: steps.length, partly: false };
}

function lookupFor(turn: Turn, captures: Captures, outputs: readonly Output[]): Lookup {
  return (name) => {
    switch (name) {
      case 'heard':
        return turn.text;
      case 'turn':
        return turn.number;
      case 'output':
        return parseJson(outputs.at(-1)?.text ?? '');
      case 'outputs':
        return Object.fromEntries(outputs.map((output) => [output.name, parseJson(output.text)]));
      default:
        return captures.get(name) ?? '';
    }
  };
}

/** Outputs are text, usually JSON. */
function parseJson(text: string): unknown {
  const value = tryParseJson(text);
  return value === undefined ? text : value;
}
