/** An idle session ends (docs/limits.md). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, newConversation } from '../../support/conversation.ts';
import { countTo, say } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';

const minuteMs = 60_000;

test('a session without events and responses ends after the limit, with an error and close 1001', async () => {
  verifies('R5.70');
  const { client, session, clock } = newConversation({ idleMinutes: 2 });
  const other = new Client(session);
  await clock.advance(minuteMs);
  await other.say({ type: 'input_audio_buffer.clear' });
  await clock.advance(2 * minuteMs - 1);
  assert.equal(client.closed, undefined, 'an event of any client begins the count anew');
  await clock.advance(1);
  for (const peer of [client, other]) {
    const { code, message, param } = peer.lastError();
    assert.deepEqual([code, param], ['session_idle', null]);
    assert.match(message, /^Your session was idle for 2 minutes: /);
    assert.deepEqual(peer.closed, { code: 1001, reason: 'invalid_request_error.session_idle' });
  }
});

test('a session is not idle during a response and its playback', async () => {
  const { client, clock, engines } = newConversation({ idleMinutes: 1, outputLeadMs: 3000 });
  engines.languageModel.script = () => say(countTo(400));
  await client.say({ type: 'response.create' });
  while (client.all('response.done').length === 0) await clock.advance(1000);
  const { audioMs } = client
    .all('response.output_audio.delta')
    .reduce(({ audioMs }, { delta }) => ({ audioMs: audioMs + Buffer.from(delta, 'base64').length / 48 }), {
      audioMs: 0,
    });
  assert.ok(audioMs > 2 * minuteMs, 'it took longer than the limit');
  assert.equal(client.closed, undefined);
  const heardInMs = audioMs - clock.now();
  await clock.advance(heardInMs + minuteMs - 100);
  assert.equal(client.closed, undefined, 'counted from the end of playback');
  await clock.advance(200);
  assert.equal(client.lastError().code, 'session_idle');
});

test('by default there is no idle limit', async () => {
  const { client, clock } = newConversation();
  await clock.advance(59 * minuteMs);
  assert.equal(client.closed, undefined);
});
