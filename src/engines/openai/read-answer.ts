/** Reads the answer to a request, streamed or whole, into an engine's events. */

import type { Clock } from '../../core/clock.ts';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { contentType, readText } from './endpoint.ts';
import { RequestFailure } from './request-failure.ts';
import { eventData } from './server-sent-events.ts';

/** Makes events of what a server sends. */
export interface AnswerReader<T> {
  /** Whether an answer of this media type is not a stream. */
  isWhole(type: string): boolean;
  /** Takes the body of an answer that is not a stream. */
  whole(body: string): T[];
  /** Takes the data of one event of a stream. */
  push(data: string): T[];
  /** What is left to tell once the answer has ended; throws when it is not whole. */
  end(): T[];
  /** How long more is waited for: `Infinity` until the server has said that it is done. */
  readonly patienceMs: number;
}

/** How long the end of a stream is waited for once everything is there: a connection that is read to its end can be used again. */
export const endGraceMs = 50;

/** Characters of events that are read in one turn of the event loop: a few milliseconds of work … */
const charactersPerTurn = 128 * 1024;
/** … where an event counts for no less than these. A chunk of a server that floods holds thousands. */
const leastCharacters = 2048;

/** Events out of one message that are passed on in one turn. */
const eventsPerTurn = 8;

export interface ReadAnswerOptions {
  clock: Clock;
  signal: AbortSignal;
  /** One event of a stream, in characters, or an answer that is not a stream, in bytes. */
  messageBytes: number;
}

/** @throws {RequestFailure} when the answer is not one, or not whole */
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

/** What a server sent at once, with other work between: each event is worked on by others before the next. */
async function* inTurns<T>(events: readonly T[]): AsyncGenerator<T, void, undefined> {
  const others = new EventLoopYield(eventsPerTurn);
  for (const event of events) {
    yield event;
    await others.step();
  }
}

function bodyOf(response: Response): AsyncIterable<Uint8Array> {
  if (response.body === null) throw new RequestFailure(`it answered with HTTP ${response.status} and nothing else`);
  return response.body;
}
