/** The contract of every engine about its `AbortSignal` (see session/ports/). */

import assert from 'node:assert/strict';
import { settle } from '../../support/fake-clock.ts';

export type Start<T> = (signal: AbortSignal) => AsyncIterable<T>;

const reason = new Error('the user spoke');

/** Aborted before it begins: throws the signal's reason and yields nothing. */
export async function refusesWhenAborted<T>(start: Start<T>): Promise<void> {
  const events: T[] = [];
  await assert.rejects(async () => {
    for await (const event of start(AbortSignal.abort(reason))) events.push(event);
  }, sameReason);
  assert.deepEqual(events, []);
}

/** Aborted while its consumer waits for the first event: throws the reason, unless the event was already available. */
export async function stopsWhileWaiting<T>(start: Start<T>): Promise<void> {
  const abort = new AbortController();
  const iterator = start(abort.signal)[Symbol.asyncIterator]();
  const next = iterator.next();
  abort.abort(reason);
  const came = await next.catch((error: unknown) => void sameReason(error));
  if (came?.done === false) await assert.rejects(iterator.next(), sameReason);
  await assertEnded(iterator);
}

/** Aborted between two events: yields no further one. Not applicable without events before the last. */
export async function stopsBetweenEvents<T>(start: Start<T>): Promise<void> {
  const abort = new AbortController();
  const iterator = start(abort.signal)[Symbol.asyncIterator]();
  const first = await iterator.next();
  assert.equal(first.done, false, 'this needs a request with several events');
  abort.abort(reason);
  await assert.rejects(iterator.next(), sameReason);
  await assertEnded(iterator);
}

/** The consumer stops: iteration ends immediately, and the engine serves the next request. */
export async function letsItsConsumerLeave<T>(start: Start<T>): Promise<void> {
  const iterator = start(new AbortController().signal)[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
  await assertEnded(iterator);
  const again = start(new AbortController().signal)[Symbol.asyncIterator]();
  assert.equal((await again.next()).done, false);
  await again.return?.();
}

/** An abort after the last event changes nothing. */
export async function bearsALateAbort<T>(start: Start<T>): Promise<void> {
  const abort = new AbortController();
  await Array.fromAsync(start(abort.signal));
  abort.abort(reason);
  await settle();
}

async function assertEnded<T>(iterator: AsyncIterator<T>): Promise<void> {
  await settle();
  assert.equal((await iterator.next()).done, true, 'an event came after the end');
}

function sameReason(error: unknown): boolean {
  assert.equal(error, reason, 'an aborted engine throws the reason of its signal');
  return true;
}
