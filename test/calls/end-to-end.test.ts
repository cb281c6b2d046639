/** Calls over a real WebRTC connection, with their sidebands. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { ModelRequest } from '../../src/session/ports/language-model.ts';
import { userText } from '../support/conversation.ts';
import { call, fakeEngines, say } from '../support/fake-engines.ts';
import { ask, bearer } from '../support/rest.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WebRtcCaller } from '../support/webrtc-caller.ts';
import { refusedUpgrade, WireClient } from '../support/wire-client.ts';
import { apiKeys, bank, shop, sidebandUrl } from './calls-server.ts';

const weather = { type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} } };

test('a call, its two sidebands, and its end', { timeout: 60_000 }, async (t) => {
  verifies('R1.16', 'R10.1', 'R10.2', 'R10.5', 'R10.7', 'R10.9');
  const engines = fakeEngines();
  const requests: ModelRequest[] = [];
  engines.languageModel.script = (request) => {
    requests.push(request);
    if (request.tools.length === 0) return say('Hello.');
    if (requests.length > 2) return say('It is sunny.');
    return call('get_weather', {});
  };
  const server = await newServer(t, { engines: fakeEngineSet(engines), config: { apiKeys } });
  const caller = await WebRtcCaller.call(t, server, shop);
  await caller.until('session.created');
  caller.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal((await caller.until('response.done')).response.status, 'completed');

  const url = sidebandUrl(server, caller.callId);
  assert.equal((await refusedUpgrade(url, bearer(bank))).status, 404);
  const sideband = new WireClient(url, bearer(shop));
  const beta = new WireClient(url, bearer(shop, { 'OpenAI-Beta': 'realtime=v1' }));
  await Promise.all([once(sideband.socket, 'open'), once(beta.socket, 'open')]);
  sideband.send({ type: 'session.update', session: { type: 'realtime', tools: [weather] } });
  await Promise.all([caller.until('session.updated'), beta.until('session.updated')]);

  caller.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  const made = await sideband.until('response.function_call_arguments.done');
  await sideband.until('response.done');
  const item = { type: 'function_call_output', call_id: made.call_id, output: '{"sky":"clear"}' };
  sideband.send({ type: 'conversation.item.create', item });
  sideband.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  const { text } = await caller.until('response.output_text.done');
  assert.equal(text, 'It is sunny.');
  assert.match(JSON.stringify(requests.at(-1)?.items), /clear/);
  await beta.until('response.done');

  const hangUp = await ask(server, `POST /v1/realtime/calls/${caller.callId}/hangup`, { key: shop });
  assert.equal(hangUp.status, 200);
  const closed = await Promise.all([sideband.closed, beta.closed]);
  assert.deepEqual(closed, Array(2).fill({ code: 1000, reason: 'the call was hung up' }));
  await caller.closed();
});

test('a call that is hung up ends after all events have reached its client', { timeout: 60_000 }, async (t) => {
  verifies('R1.11', 'R10.9');
  const server = await newServer(t, { config: { apiKeys, limits: { closeGraceMs: 60_000 } } });
  const caller = await WebRtcCaller.call(t, server, shop);
  await caller.until('session.created');
  const sideband = new WireClient(sidebandUrl(server, caller.callId), bearer(shop));
  await once(sideband.socket, 'open');
  const count = 40;
  for (let sent = 0; sent < count; sent++) sideband.send(userText('x'.repeat(10_000)));
  for (let done = 0; done < count; done++) await sideband.until('conversation.item.done');
  await ask(server, `POST /v1/realtime/calls/${caller.callId}/hangup`, { key: shop });
  for (let done = 0; done < count; done++) await caller.until('conversation.item.done');
  await caller.closed();
});

test('when the client leaves, the sideband is closed with the reason', { timeout: 60_000 }, async (t) => {
  verifies('R10.9');
  const server = await newServer(t, { config: { apiKeys } });
  const caller = await WebRtcCaller.call(t, server, shop);
  await caller.until('session.created');
  const sideband = new WireClient(sidebandUrl(server, caller.callId), bearer(shop));
  await once(sideband.socket, 'open');
  await caller.leave();
  assert.deepEqual(await sideband.closed, { code: 1000, reason: 'the client left the call' });
});
