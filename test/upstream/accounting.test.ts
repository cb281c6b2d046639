/** Usage, limits, locked fields and the end of relayed sessions. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnLedger } from '../../src/session/observing/turn-ledger.ts';
import { noMeter } from '../../src/session/settings.ts';
import { settle } from '../support/fake-clock.ts';
import { noTokens, responseOf, upstreamSession } from './support/fake-upstream.ts';
import { liveSession, openingSession } from './support/peers.ts';

test('usage is counted, and a response beyond the budget is refused', async (t) => {
  const counted: unknown[] = [];
  let refusal: { message: string; retryAfterMs: number } | undefined;
  const { side, client } = await liveSession(t, {
    meter: {
      admitResponse: async () => ({ refusal }),
      responseUsed: (usage) => counted.push(usage.total_tokens),
      transcriptionUsed: (usage) => counted.push(usage),
      rateLimits: () => [{ name: 'tokens', limit: 100, remaining: 40, reset_seconds: 1 }],
    },
    observers: [new TurnLedger(({ status }) => counted.push(status))],
  });
  client.post({ type: 'response.create' });
  await side.next('response.create');
  const usage = { ...noTokens, total_tokens: 60 };
  side.send({ type: 'response.created', response: responseOf('in_progress') });
  side.send({ type: 'response.done', response: responseOf('completed', { usage }) });
  side.send({
    type: 'rate_limits.updated',
    rate_limits: [{ name: 'requests', limit: 1, remaining: 1, reset_seconds: 0 }],
  });
  const at = { item_id: 'item_1', content_index: 0 };
  const seconds = { type: 'duration', seconds: 2 };
  side.send({ type: 'conversation.item.input_audio_transcription.completed', ...at, transcript: 'Hm', usage: seconds });
  await client.next('conversation.item.input_audio_transcription.completed');
  assert.deepEqual(counted, [60, 'completed', seconds]);
  const { rate_limits } = await client.next('rate_limits.updated');
  assert.deepEqual(rate_limits, [{ name: 'tokens', limit: 100, remaining: 40, reset_seconds: 1 }]);

  refusal = { message: 'The budget of today is used up.', retryAfterMs: 1000 };
  client.post({ type: 'response.create', event_id: 'dear' });
  client.post({ type: 'input_audio_buffer.clear' });
  const { error } = await client.next('error');
  assert.deepEqual(
    [Object(error).code, Object(error).message, Object(error).event_id],
    ['rate_limit_exceeded', 'The budget of today is used up.', 'dear'],
  );
  await side.next('input_audio_buffer.clear');
  assert.equal(side.received.filter(({ type }) => type === 'response.create').length, 1);

  // A response that the upstream started itself.
  side.send({ type: 'response.created', response: responseOf('in_progress', { id: 'resp_auto' }) });
  assert.equal((await side.next('response.cancel')).response_id, 'resp_auto');
  side.send({
    type: 'response.done',
    response: responseOf('cancelled', {
      id: 'resp_auto',
      status_details: { type: 'cancelled', reason: 'client_cancelled' },
    }),
  });
});

test('tokens are reserved before a response is requested, and settled when it ends or is refused', async (t) => {
  const expected: object[] = [];
  const settled: string[] = [];
  const { side, client, session } = await liveSession(t, {
    meter: {
      ...noMeter,
      admitResponse: async (tokens) => {
        const number = expected.push(tokens);
        return { reservation: { settle: (used) => settled.push(`${number}: ${used}`) } };
      },
      responseUsed: (usage, reservation) => reservation?.settle(usage.total_tokens),
    },
  });
  const begin = (id: string) => side.send({ type: 'response.created', response: responseOf('in_progress', { id }) });
  const end = (id: string, tokens: number) =>
    side.send({
      type: 'response.done',
      response: responseOf('completed', { id, usage: { ...noTokens, total_tokens: tokens } }),
    });
  client.post({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x'.repeat(4000) }] },
  });
  client.post({ type: 'response.create', response: { max_output_tokens: 50 } });
  await side.next('response.create');
  begin('resp_1');
  end('resp_1', 1200);
  await client.next('response.done');
  assert.deepEqual(settled, ['1: 1200']);

  client.post({ type: 'response.create' });
  const { event_id } = await side.next('response.create');
  side.send({ type: 'error', error: { type: 'invalid_request_error', message: 'No.', event_id } });
  await client.next('error');
  assert.deepEqual(settled, ['1: 1200', '2: 0']);

  // A response that the upstream started itself, and one that never starts.
  const before = client.events.length;
  begin('resp_3');
  await client.next('response.created', before);
  await settle();
  end('resp_3', 70);
  await client.next('response.done', before);
  client.post({ type: 'response.create' });
  await side.next('response.create');
  session.close({ code: 1001, reason: '' });
  assert.deepEqual(settled.slice(2), ['3: 70', '4: 0']);
  assert.deepEqual(
    expected.map((tokens) => Object(tokens).output),
    [50, 'inf', 'inf', 'inf'],
  );
  const inputs = expected.map((tokens) => Object(tokens).input);
  assert.ok(inputs[0] >= 1000, 'what was sent');
  assert.ok(inputs[1] >= 1200, 'what the last response came to');
});

test('a client secret’s configuration applies from the start, and locked fields do not change', async (t) => {
  const { side, client } = await openingSession(t, {
    grant: { initial: { type: 'realtime', instructions: 'Sell shoes.' }, locked: ['instructions'] },
  });
  side.create();
  assert.deepEqual((await side.next('session.update')).session, { type: 'realtime', instructions: 'Sell shoes.' });
  assert.deepEqual(client.types(), []);
  side.send({ type: 'session.updated', session: { ...upstreamSession, instructions: 'Sell shoes.' } });
  const { session } = await client.next('session.created');
  assert.equal(Object(session).instructions, 'Sell shoes.');
  client.post({
    type: 'session.update',
    event_id: 'u',
    session: { type: 'realtime', instructions: 'Give them away.' },
  });
  const { error } = await client.next('error');
  assert.deepEqual(
    [Object(error).code, Object(error).param, Object(error).event_id],
    ['parameter_locked', 'session.instructions', 'u'],
  );
  client.post({ type: 'response.create', response: { instructions: 'Give them away.' } });
  await client.next('error', 2);
  client.post({ type: 'session.update', session: { type: 'transcription' } });
  assert.equal(Object((await client.next('error', 3)).error).param, 'session.type');
  assert.equal(side.received.length, 1);
});

test('the reservation of a response that never starts is released after 256 newer requests', async (t) => {
  const released: number[] = [];
  let admitted = 0;
  const { side, client } = await liveSession(t, {
    meter: {
      ...noMeter,
      admitResponse: async () => {
        const number = ++admitted;
        return { reservation: { settle: () => released.push(number) } };
      },
    },
  });
  for (let sent = 0; sent < 256; sent++) client.post({ type: 'response.create' });
  for (let sent = 0; sent < 256; sent++) await side.next('response.create');
  assert.deepEqual(released, []);
  client.post({ type: 'response.create' });
  await side.next('response.create');
  assert.deepEqual(released, [1]);
});

test('responses per minute are limited, whether they start or not', async (t) => {
  const { side, client } = await liveSession(t, { responsesPerMinute: 2 });
  for (const event_id of ['one', 'two', 'three']) {
    client.post({ type: 'response.create', event_id, response: { conversation: 'none' } });
  }
  const { error } = await client.next('error');
  assert.deepEqual([Object(error).code, Object(error).event_id], ['rate_limit_exceeded', 'three']);
  client.post({ type: 'input_audio_buffer.clear' });
  await side.next('input_audio_buffer.clear');
  assert.equal(side.received.filter(({ type }) => type === 'response.create').length, 2);
});

test('a response that runs when the session ends is counted as cancelled', async (t) => {
  const counted: string[] = [];
  const observers = [new TurnLedger(({ status }) => counted.push(status))];
  const { side, client, session } = await liveSession(t, { observers });
  side.send({ type: 'response.created', response: responseOf('in_progress') });
  await client.next('response.created');
  session.close({ code: 1001, reason: 'over' });
  session.close({ code: 1001, reason: 'over' });
  assert.deepEqual(counted, ['cancelled']);
});

test('draining finishes the active response and starts no other', async (t) => {
  const { side, client, session } = await liveSession(t);
  client.post({ type: 'response.create' });
  await side.next('response.create');
  let drained = false;
  const over = session.drain().then(() => {
    drained = true;
  });
  client.post({ type: 'response.create', event_id: 'late' });
  assert.equal(Object((await client.next('error')).error).code, 'server_shutting_down');
  side.send({ type: 'response.created', response: responseOf('in_progress') });
  await client.next('response.created');
  assert.equal(drained, false);
  side.send({ type: 'response.done', response: responseOf('completed') });
  await over;
});
