/** Sessions that end at a time limit, the upstream's or this server's (docs/upstream.md). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../support/verifies.ts';
import { liveSession } from './support/peers.ts';

test("a session that reaches the upstream's time limit: the error, and close 1001", async (t) => {
  const { side, client } = await liveSession(t);
  const error = {
    type: 'invalid_request_error',
    code: 'session_expired',
    message: 'Your session hit the maximum duration of 60 minutes.',
    param: null,
    event_id: null,
  };
  side.send({ type: 'error', error });
  side.socket.close(1001, '');
  assert.equal((await client.closing()).code, 1001);
  assert.deepEqual((await client.next('error')).error, error);
});

for (const reason of [
  'Your session hit the maximum duration of 60 minutes.',
  'invalid_request_error.session_expired',
]) {
  test(`a close with 1001 and '${reason}' is the end of the session, not a loss`, async (t) => {
    verifies('R1.11');
    const { side, client } = await liveSession(t);
    side.socket.close(1001, reason);
    assert.deepEqual(await client.closing(), { code: 1001, reason });
  });
}

test('this server’s time limit ends a relayed session too', async (t) => {
  const { side, client, clock } = await liveSession(t, { sessionMinutes: 2 });
  assert.equal(Object((await client.next('session.created')).session).expires_at, clock.epochMs() / 1000 + 120);
  const closing = side.closed;
  // The connection to an upstream that answers pings stays open.
  for (let round = 0; round < 11; round += 1) {
    await clock.advance(10_000);
    side.send({ type: 'input_audio_buffer.cleared' });
    await side.delivered();
  }
  await clock.advance(10_000);
  assert.deepEqual(client.closed, {
    code: 1001,
    reason: 'Your session hit the maximum duration of 2 minutes.',
  });
  assert.equal(await closing, 1000);
});
