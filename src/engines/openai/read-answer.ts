/** Converts the answer to a request, streamed or not, to an engine's events. */

import type { Clock } from '../../core/clock.ts';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { contentType, readText } from './endpoint.ts';
import { RequestFailure } from './request-failure.ts';
import { eventData } from './server-sent-events.ts';

/** Converts the data of an answer to events. */
export interface AnswerReader<T> {
  /** Whether an answer of this media type is not a stream. */
  isWhole(type: string): boolean;
  /** Takes the body of an answer that is not a stream. */
  whole(body: string): T[];
  /** Takes the data of one event of a stream. */
  push(data: string): T[];
  /** The remaining events at the end of the answer; throws if it is incomplete. */
  end(): T[];
  /** How long to wait for more data: `Infinity` until the server has reported that it is done. */
  readonly patienceMs: number;
}

/** How long to wait for the end of a complete stream: a connection that was read to the end can be reused. */
export const endGraceMs = 50;

/** Characters of events that are processed per turn of the event loop: a few milliseconds of work. */
const charactersPerTurn = 128 * 1024;
/** The minimum that an event counts as, because a chunk can contain thousands of tiny events. */
const leastCharacters = 2048;

/** Events of one message that are yielded per turn. */
const eventsPerTurn = 8;

export interface ReadAnswerOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Maximum size of one event of a stream, in characters, or of an answer that is not a stream, in bytes. */
  messageBytes: number;
}

/** @throws {RequestFailure} when it is not a valid or not a complete answer */
export async function* readAnswer<T>(
  ask: (signal: AbortSignal) => Promise<Response>,
  reader: AnswerReader<T>,
  { clock, signal, messageBytes }: ReadAnswerOptions,
): AsyncGenerator<T, void, undefined> {
  const enough = new AbortController();
  const response = await ask(AbortSignal.any([signal, enough.signal]));
  if (reader.isWhole(contentType(response))) {
    yield* inTurns(reader.whole(await readText(response, messageBytes)));
    yield* inTurns(reader.end());
    return;
  }
  let cancelWait = () => {};
  let patienceMs = Number.POSITIVE_INFINITY;
  const others = new EventLoopYield(charactersPerTurn);
  try {
    for await (const data of eventData(bodyOf(response), { maxEventCharacters: messageBytes })) {
      await others.step(Math.max(data.length, leastCharacters));
      yield* inTurns(reader.push(data));
      if (reader.patienceMs >= patienceMs) continue;
      patienceMs = reader.patienceMs;
      cancelWait();
      cancelWait = clock.after(patienceMs, () => enough.abort());
    }
  } catch (error) {
    if (signal.aborted || patienceMs === Number.POSITIVE_INFINITY) throw error;
  } finally {
    cancelWait();
  }
  yield* inTurns(reader.end());
}

/** Yields the events of one message with turns of the event loop between them, because consumers work on each event. */
async function* inTurns<T>(events: readonly T[]): AsyncGenerator<T, void, undefined> {
  const others = new EventLoopYield(eventsPerTurn);
  for (const event of events) {
    yield event;
    await others.step();
  }
}

function bodyOf(response: Response): AsyncIterable<Uint8Array> {
  if (response.body === null) throw new RequestFailure(`it answered with HTTP ${response.status} and no body`);
  return response.body;
}
