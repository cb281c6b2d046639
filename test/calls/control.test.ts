/** Sidebands of calls, and the control of calls over HTTP. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { say } from '../support/fake-engines.ts';
import { ask, bearer, errorIn, mint } from '../support/rest.ts';
import { verifies } from '../support/verifies.ts';
import { refusedUpgrade, WireClient } from '../support/wire-client.ts';
import { apiKeys, bank, callsServer, noCalls, openCall, shop, sidebandUrl } from './calls-server.ts';

const operator = 'sk-operator-0123456789';

test('a sideband watches and steers a call; another one speaks the beta dialect', async (t) => {
  verifies('R1.16', 'R1.17', 'R10.1');
  const { server, connections, engines, clock } = await callsServer(t);
  const callId = await openCall(server);
  const caller = connections.last.open();
  const sideband = new WireClient(sidebandUrl(server, callId), bearer(shop));
  const beta = new WireClient(sidebandUrl(server, callId), bearer(shop, { 'OpenAI-Beta': 'realtime=v1' }));
  await Promise.all([sideband, beta].map(({ socket }) => new Promise((resolve) => socket.once('open', resolve))));

  sideband.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Speak like a pirate.' } });
  const [first] = await Promise.all([sideband.next(), beta.until('session.updated'), caller.until('session.updated')]);
  assert.equal(first.type, 'session.updated', 'there is no session.created');

  engines.languageModel.script = ({ instructions }) => {
    assert.equal(instructions, 'Speak like a pirate.');
    return say('Ahoy.');
  };
  beta.send({ type: 'response.create', response: { modalities: ['text', 'audio'] } });
  await caller.until('response.created');
  await clock.advance(5000);
  const done = await sideband.until('response.done');
  assert.equal(done.response.status, 'completed');
  await beta.until('response.done');

  beta.send({ type: 'response.cancel', event_id: 'mine' });
  assert.equal((await beta.until('error')).error.event_id, 'mine');
  const seen = caller.types;
  assert.ok(!seen.includes('error') && !seen.includes('response.output_audio.delta'));
  assert.equal(sideband.waiting, 1, 'rate_limits.updated');

  sideband.socket.close();
  await sideband.closed;
  caller.say({ type: 'input_audio_buffer.clear' });
  await caller.until('input_audio_buffer.cleared');
});

test('a sideband may clear the output of a call at any time', async (t) => {
  verifies('R7.2');
  const { server } = await callsServer(t);
  const sideband = new WireClient(sidebandUrl(server, await openCall(server)), bearer(shop));
  await new Promise((resolve) => sideband.socket.once('open', resolve));
  sideband.send({ type: 'output_audio_buffer.clear' });
  sideband.send({ type: 'input_audio_buffer.clear' });
  assert.equal((await sideband.next()).type, 'input_audio_buffer.cleared', 'nothing was playing, which is no error');
});

test('a call is hung up: all its connections are closed', async (t) => {
  verifies('R10.7', 'R10.9', 'rest.calls.hangup');
  const { server, connections, log } = await callsServer(t);
  const callId = await openCall(server);
  const sideband = new WireClient(sidebandUrl(server, callId), bearer(shop));
  await new Promise((resolve) => sideband.socket.once('open', resolve));
  const answer = await ask(server, `POST /v1/realtime/calls/${callId}/hangup`, { key: shop });
  assert.deepEqual([answer.status, answer.body], [200, '']);
  assert.deepEqual(await sideband.closed, { code: 1000, reason: 'the call was hung up' });
  assert.ok(connections.last.isClosed);
  const { details } = await log.entry('session_closed');
  assert.equal(Reflect.get(details, 'call'), callId);
  const again = await ask(server, `POST /v1/realtime/calls/${callId}/hangup`, { key: shop });
  assert.deepEqual([again.status, errorIn(again).code], [404, 'call_id_not_found']);
});

for (const [end, reason] of [
  ['left', 'the client left the call'],
  ['vanished', 'the client of the call vanished'],
  ['flooded', 'the client of the call sent too much'],
  ['malformed', 'the client of the call sent malformed data'],
] as const) {
  test(`when the client has ${end}, the session and its sidebands end`, async (t) => {
    verifies('R10.9');
    const { server, connections } = await callsServer(t);
    const callId = await openCall(server);
    const sideband = new WireClient(sidebandUrl(server, callId), bearer(shop));
    await new Promise((resolve) => sideband.socket.once('open', resolve));
    connections.last.open().end(end);
    assert.deepEqual(await sideband.closed, { code: 1000, reason });
    const { body } = await ask(server, 'GET /v1/parley/sessions', { key: shop });
    assert.deepEqual(body, noCalls);
  });
}

test('the end of a call is logged and counted, with the packets of its audio', async (t) => {
  const { server, connections, log } = await callsServer(t, {
    config: { apiKeys: [...apiKeys, apiKey('operator', operator, { operator: true })] },
  });
  const callId = await openCall(server);
  connections.last.open().handlers.audioExceeded();
  await log.entry('call_audio_exceeded');
  connections.last.end('vanished');
  const { details } = await log.entry('call_ended');
  const packets = { received: 100, lost: 5, recovered: 3, concealed: 2, late: 1, dropped: 0 };
  const reason = { code: 1006, reason: 'the client of the call vanished' };
  assert.deepEqual(details, { call: callId, peer: 'call_peer_1', ...reason, codec: 'opus', packets });
  const { body } = await ask(server, 'GET /metrics', { key: operator });
  assert.match(String(body), /^parley_call_packets_total{fate="lost"} 5$/m);
  assert.match(String(body), /^parley_call_packets_total{fate="received"} 100$/m);
});

test('a call belongs to a project: others get 404, as for an unknown one', async (t) => {
  verifies('R1.16', 'R10.7');
  const { server, connections } = await callsServer(t);
  const callId = await openCall(server);
  for (const [id, key] of [
    [callId, bank],
    ['rtc_unknown', shop],
  ] as const) {
    for (const verb of ['hangup', 'accept', 'reject', 'refer']) {
      const { status, body } = await ask(server, `POST /v1/realtime/calls/${id}/${verb}`, { key });
      const { code, message } = errorIn({ body });
      assert.deepEqual(
        [status, code, message],
        [404, 'call_id_not_found', 'No session found for the provided call_id.'],
      );
    }
    const { status, body } = await refusedUpgrade(sidebandUrl(server, id), bearer(key));
    assert.deepEqual([status, errorIn({ body }).code], [404, 'call_id_not_found']);
  }
  assert.ok(!connections.last.isClosed);
});

test('a client secret controls no calls', async (t) => {
  verifies('R1.16', 'R1.24');
  const { server } = await callsServer(t);
  const key = await mint(server, shop);
  const callId = await openCall(server, { key });
  assert.equal((await ask(server, `POST /v1/realtime/calls/${callId}/hangup`, { key })).status, 401);
  const sideband = new WireClient(sidebandUrl(server, callId), bearer(key));
  assert.equal((await sideband.until('error')).error.code, 'invalid_api_key');
  assert.equal((await sideband.closed).code, 3000);
});

test('accept, reject and refer are for telephone calls', async (t) => {
  verifies('R10.8', 'rest.calls.accept', 'rest.calls.reject', 'rest.calls.refer');
  const { server, connections } = await callsServer(t);
  const callId = await openCall(server);
  for (const verb of ['accept', 'reject', 'refer']) {
    const body = verb === 'refer' ? { target_uri: 'tel:+15550100' } : {};
    const refused = await ask(server, `POST /v1/realtime/calls/${callId}/${verb}`, { key: shop, body });
    assert.deepEqual([refused.status, errorIn(refused).code], [404, 'call_id_not_found']);
    assert.match(errorIn(refused).message, /is not a telephone call.*hangup/);
  }
  assert.ok(!connections.last.isClosed);
});
