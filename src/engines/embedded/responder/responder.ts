/**
 * The embedded stand-in for a language model: a few rules, no model. It is stateless and reads everything from the
 * request's context, so equal requests get equal answers (except for the time of day).
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ContextItem, LanguageModel, ModelEvent, ModelRequest } from '../../../session/ports/language-model.ts';
import { callDeltas, deltasPerTurn, isDelta, textDeltas } from '../../answer-deltas.ts';
import type { ToolCall } from './arguments.ts';
import { type Calendar, createCalendar } from './calendar.ts';
import { wordsAskedFor } from './directives.ts';
import { readInstructed } from './instructed.ts';
import { type Conversation, readConversation, remember } from './memory.ts';
import { sayOutputs } from './outputs.ts';
import { answerAtOnce, answerInstructions, fallbackAnswer } from './rules.ts';
import { chooseTools } from './tools.ts';

/** Maximum deltas of an answer: the largest `max_output_tokens` of the protocol, also for a request without a limit. */
const MOST_DELTAS = 4096;

/** The words that a directive asks for: one of the user, the instructions, or a system message, in this order. */
function directedAnswer(conversation: Conversation, instructions: string): string | undefined {
  const { pending, standing, user } = conversation;
  const recent = pending.filter((one) => one === user || (one.role === 'system' && !standing.includes(one)));
  for (const { text, role } of [...recent, { text: instructions, role: 'system' }, ...standing]) {
    const words = wordsAskedFor(text, role === 'user');
    if (words !== undefined) return words;
  }
  return undefined;
}

export class Responder implements LanguageModel {
  readonly #calendar: Calendar;

  /**
   * `now` is the clock for the time and date (default: the system's); `timeZone` an IANA name such as `Europe/Paris`
   * (default: the system's). Throws RangeError for an unknown time zone.
   */
  constructor(options: { now?: () => Date; timeZone?: string } = {}) {
    const now = options.now ?? (() => new Date());
    this.#calendar = createCalendar(() => now().getTime(), options.timeZone);
  }

  /**
   * Streams an answer or tool calls. One delta counts as one token of `maxOutputTokens`; a call cut by the limit
   * has no `call_end`. Reports no usage. Throws the signal's reason once it is aborted.
   */
  async *generate(request: ModelRequest): AsyncGenerator<ModelEvent> {
    request.signal.throwIfAborted();
    const answer = this.#answer(request);
    const limit = request.maxOutputTokens === 'inf' ? MOST_DELTAS : Math.min(request.maxOutputTokens, MOST_DELTAS);
    let deltas = 0;
    for (const event of typeof answer === 'string' ? textDeltas(answer) : Iterator.from(answer).flatMap(callDeltas)) {
      const counts = isDelta(event);
      if (counts && deltas >= limit) return yield { type: 'finish', reason: 'length' };
      if (counts) deltas += 1;
      if (counts && deltas % deltasPerTurn === 0) await nextTurn();
      request.signal.throwIfAborted();
      yield event;
    }
    request.signal.throwIfAborted();
    yield { type: 'finish', reason: 'stop' };
  }

  #answer(request: ModelRequest): string | ToolCall[] {
    const conversation = readConversation(request);
    const followed = this.#follow(request, conversation);
    if (followed !== undefined) return followed;
    const calls = chooseTools(request, conversation);
    if (calls.length > 0 && request.toolChoice !== 'auto') return calls;
    const words = directedAnswer(conversation, request.instructions);
    if (words !== undefined) return words;
    if (conversation.outputs.length > 0) return sayOutputs(conversation.outputs);
    const memory = remember(conversation.said);
    const situation = { conversation, memory, calendar: this.#calendar, spoken: request.spoken };
    const atOnce = answerAtOnce(situation);
    if (atOnce) return atOnce;
    if (calls.length > 0) return calls;
    const { waitingFor } = conversation;
    return waitingFor ? `I am waiting for the result of ${waitingFor}.` : fallbackAnswer(situation);
  }

  /** The request in the instructions of this response alone, as if the user had made it; undefined if there is none. */
  #follow(request: ModelRequest, conversation: Conversation): string | ToolCall[] | undefined {
    const { instructions, items, toolChoice, spoken } = request;
    const { outputs, said, user, pending } = conversation;
    if (!request.instructionsOfResponse || outputs.length > 0 || instructions.length > LONGEST_REQUEST)
      return undefined;
    if (wordsAskedFor(instructions, false) !== undefined) return undefined;
    const forced = toolChoice !== 'auto' && toolChoice !== 'none';
    if (forced && user !== undefined && pending.includes(user)) return undefined;
    const asked: ContextItem = { type: 'message', role: 'user', content: [{ type: 'text', text: instructions }] };
    const withRequest = { ...request, items: [...items, asked] };
    const read = readConversation(withRequest);
    const calls = chooseTools(withRequest, read);
    if (forced && calls.length > 0) return calls;
    const situation = { conversation: read, memory: remember(said), calendar: this.#calendar, spoken };
    const instructed = readInstructed(instructions);
    if (instructed === undefined && calls.length > 0) return calls;
    return answerInstructions(instructions, situation);
  }
}

/** Longer instructions describe a role rather than a request. */
const LONGEST_REQUEST = 400;
