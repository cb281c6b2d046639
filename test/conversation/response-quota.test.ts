/** The limit of responses per minute, and the events that report it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noMeter } from '../../src/session/settings.ts';
import { newConversation } from '../support/conversation.ts';
import { tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const text = { output_modalities: ['text'] };
const outOfBand = { ...text, conversation: 'none' };

test('responses above the limit are refused with the time to wait; out-of-band responses count', async () => {
  verifies('R5.68');
  const { client, clock } = newConversation({ limits: { responsesPerMinute: 3 } });
  for (const response of [text, outOfBand, text]) await client.say({ type: 'response.create', response });
  assert.equal(client.all('response.done').length, 3);
  await client.say({ type: 'response.create', event_id: 'fourth', response: text });
  const { code, message, param, event_id } = client.lastError();
  assert.deepEqual([code, param, event_id], ['rate_limit_exceeded', null, 'fourth']);
  assert.equal(message, 'Rate limit reached: a session may create 3 responses per minute. Try again in 20 s.');
  await clock.advance(19_999);
  await client.say({ type: 'response.create', response: text });
  assert.match(client.lastError().message, /Try again in 0\.1 s\.$/);
  await clock.advance(1);
  await client.say({ type: 'response.create', response: text });
  assert.equal(client.all('response.done').length, 4);
  assert.equal(client.all('error').length, 2);
});

test('a turn is answered even above the limit, and counts', async () => {
  const { client, clock } = newConversation({ limits: { responsesPerMinute: 1 } });
  await client.say({ type: 'response.create', response: text });
  await client.speak(tone(500, 24000));
  await client.speak(new Int16Array(24_000));
  while (client.all('response.done').length < 2) await clock.advance(1000);
  const answeredAfterMs = clock.now();
  await client.say({ type: 'response.create', response: text });
  assert.equal(client.lastError().code, 'rate_limit_exceeded');
  await clock.advance(60_000 - answeredAfterMs);
  await client.say({ type: 'response.create', response: text });
  assert.equal(client.all('response.created').length, 3, 'turns above the limit do not reduce the next quota');
});

test('rate_limits.updated has the remaining requests and the time of the reset', async () => {
  verifies('R3.62');
  const limits = { name: 'tokens', limit: 1000, remaining: 900, reset_seconds: 6 } as const;
  const meter = { ...noMeter, rateLimits: () => [limits] };
  const { client, clock } = newConversation({ limits: { responsesPerMinute: 60 } }, { meter });
  const reported = async () => {
    await client.say({ type: 'response.create', response: text });
    return client.last('rate_limits.updated').rate_limits;
  };
  const requests = { name: 'requests', limit: 60 };
  assert.deepEqual(await reported(), [{ ...requests, remaining: 59, reset_seconds: 1 }, limits]);
  assert.deepEqual(await reported(), [{ ...requests, remaining: 58, reset_seconds: 2 }, limits]);
  await clock.advance(1500);
  assert.deepEqual(await reported(), [{ ...requests, remaining: 58, reset_seconds: 1.5 }, limits]);
});

test('without a limit there is no rate_limits.updated for requests', async () => {
  const { client } = newConversation({ limits: { responsesPerMinute: Number.POSITIVE_INFINITY } });
  for (let count = 0; count < 1000; count++) await client.say({ type: 'response.create', response: outOfBand });
  assert.deepEqual(client.all('error'), []);
  assert.deepEqual(client.last('rate_limits.updated').rate_limits, []);
});
