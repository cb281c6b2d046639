/** The data channel of a call: the protocol, the size of messages, and bounds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userText } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { offerWith } from '../support/fake-connections.ts';
import { say, tone } from '../support/fake-engines.ts';
import { ask, bearer } from '../support/rest.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';
import { apiKeys, callsServer, noCalls, openCall, shop, sidebandUrl } from './calls-server.ts';

test('the client of a call that requests the ledger gets it after each response, others do not', async (t) => {
  verifies('R1.32', 'R3.85');
  const { server, connections, log } = await callsServer(t);
  const typesAfterResponse = async (query: string) => {
    await openCall(server, { path: `/v1/realtime/calls?model=m${query}` });
    const caller = connections.last.open();
    void caller.say({ type: 'response.create', response: { output_modalities: ['text'] } });
    await caller.until('rate_limits.updated');
    return caller.types.slice(caller.types.indexOf('response.done'));
  };
  assert.deepEqual(await typesAfterResponse(''), ['response.done', 'rate_limits.updated']);
  connections.extensions = ['ledger'];
  const types = ['response.done', 'parley.ledger', 'rate_limits.updated'];
  assert.deepEqual(await typesAfterResponse('&parley=ledger,nope'), types);
  assert.deepEqual(Reflect.get((await log.entry('extensions_unknown')).details, 'names'), ['nope']);
});

test('events wait for the data channel, in order, and are text in both directions', async (t) => {
  verifies('R10.5', 'R1.8');
  const { server, connections } = await callsServer(t);
  const callId = await openCall(server);
  const caller = connections.last;
  const sideband = new WireClient(sidebandUrl(server, callId), bearer(shop));
  sideband.socket.once('open', () => sideband.send(userText('Hello.')));
  await sideband.until('conversation.item.done');
  assert.deepEqual(caller.texts, []);
  caller.open();
  assert.deepEqual(caller.types, ['session.created', 'conversation.item.added', 'conversation.item.done']);

  void caller.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal((await caller.until('response.done')).response.status, 'completed');
  void caller.handlers.message(Uint8Array.of(1, 2, 3));
  assert.match((await caller.until('error')).error.message, /binary messages are not supported/);
  void caller.handlers.message('{');
  assert.equal((await caller.until('error')).error.code, 'invalid_json');
});

test('a large message is parsed in a thread, and later ones wait for it', async (t) => {
  verifies('R10.5');
  const { server, connections } = await callsServer(t);
  await openCall(server);
  const caller = connections.last.open();
  const item = { type: 'message', role: 'x'.repeat(400_000) };
  const waiting = caller.say({ type: 'conversation.item.create', event_id: 'bad', item });
  assert.ok(waiting instanceof Promise);
  await waiting;
  assert.equal((await caller.until('error')).error.event_id, 'bad');
});

test('no message is larger than the client accepts', async (t) => {
  verifies('R10.6');
  const { server, connections, engines } = await callsServer(t);
  const callId = await openCall(server, { sdp: offerWith({ maxMessageSize: 16_384 }) });
  const caller = connections.last.open();
  const sideband = new WireClient(sidebandUrl(server, callId), bearer(shop));
  await new Promise((resolve) => sideband.socket.once('open', resolve));

  const audio = Buffer.from(tone(1000, 24_000).buffer).toString('base64');
  const item = { type: 'message', role: 'user', id: 'spoken', content: [{ type: 'input_audio', audio }] };
  sideband.send({ type: 'conversation.item.create', item });
  await caller.until('conversation.item.done');
  await caller.say({ type: 'conversation.item.retrieve', item_id: 'spoken' });
  const retrieved = await caller.until('conversation.item.retrieved');
  assert.deepEqual(retrieved.item, {
    ...item,
    object: 'realtime.item',
    status: 'completed',
    content: [{ type: 'input_audio', transcript: null }],
  });
  const whole = await sideband.until('conversation.item.retrieved');
  assert.match(
    JSON.stringify(whole),
    new RegExp(audio.slice(0, 100).replace(/[+/]/g, '.')),
    'on the sideband with its audio',
  );

  sideband.send(userText('long '.repeat(10_000)));
  const { error } = await caller.until('error');
  assert.deepEqual([error.type, error.code], ['server_error', 'event_too_large']);
  assert.match(error.message, /'conversation\.item\.added'.*16384 bytes.*call_id/);

  engines.languageModel.script = () => say('word '.repeat(8000));
  void caller.say({ type: 'response.create', response: { output_modalities: ['text'], metadata: { a: 'b' } } });
  const { response } = await caller.until('response.done');
  assert.deepEqual([response.status, response.metadata], ['completed', { a: 'b' }]);
  const [message] = response.output;
  assert.match(JSON.stringify(message), /word word/);
});

test('a client that does not read is disconnected, and what it has not read is bounded', async (t) => {
  verifies('R10.6');
  const { server, connections, log } = await callsServer(t, {
    config: { apiKeys, limits: { outputQueueBytes: 64 * 1024 } },
  });
  await openCall(server);
  const caller = connections.last.open();
  caller.bufferedBytes = 1024 ** 2;
  const text = 'x'.repeat(20_000);
  for (let sent = 0; sent < 10 && !caller.isClosed; sent++) {
    void caller.say(userText(text));
    await settle();
  }
  await log.entry('peer_too_slow');
  await settle();
  assert.ok(caller.texts.length <= 1);
});

test('a data channel that cannot send ends its call, and only that', async (t) => {
  verifies('R10.9');
  const { server, connections, log } = await callsServer(t);
  await openCall(server);
  const other = connections.last.open();
  await openCall(server);
  const caller = connections.last.open();
  caller.failure = new RangeError('max-message-size exceeded');
  await caller.say(userText('Hello.'));
  assert.match(JSON.stringify((await log.entry('session_failed')).details), /error/);
  assert.ok(caller.isClosed);
  await openCall(server);
  const late = connections.last;
  late.failure = caller.failure;
  late.open();
  assert.ok(late.isClosed);
  void other.say(userText('Hello.'));
  await other.until('conversation.item.done');
});

test('events that wait are sent once the client has read', async (t) => {
  const { server, connections } = await callsServer(t);
  await openCall(server);
  const caller = connections.last.open();
  caller.bufferedBytes = 300_000;
  void caller.say(userText('Hello.'));
  await settle();
  assert.deepEqual(caller.types, ['session.created']);
  caller.bufferedBytes = 0;
  caller.handlers.drained();
  assert.deepEqual(caller.types, ['session.created', 'conversation.item.added', 'conversation.item.done']);
});

test('a client that floods is slowed and notified once', async (t) => {
  verifies('R1.20');
  const { server, connections, clock } = await callsServer(t, {
    config: { apiKeys, limits: { eventsPerSecond: 10, eventBurst: 20 } },
  });
  await openCall(server);
  const caller = connections.last.open();
  const clear = { type: 'input_audio_buffer.clear' };
  for (let sent = 0; sent < 20; sent++) assert.equal(await caller.say(clear), undefined);
  let resumed = false;
  const slowed = Promise.resolve(caller.say(clear)).then(() => {
    resumed = true;
  });
  await settle();
  assert.ok(!resumed);
  await clock.advance(100);
  await slowed;
  assert.deepEqual(caller.types.filter((type) => type === 'error').length, 1);
  assert.match((await caller.until('error')).error.message, /Rate limit reached/);
});

test('a call whose client does not connect in time ends; pending calls are bounded', async (t) => {
  verifies('R10.4', 'R10.9');
  const limits = { pendingCalls: 2, callConnectMs: 5000 };
  const { server, connections, clock } = await callsServer(t, { config: { apiKeys, limits } });
  await openCall(server);
  await openCall(server);
  const { callSdp } = { callSdp: offerWith({ channel: false }) };
  const refused = await ask(server, 'POST /v1/realtime/calls', {
    ...{ key: shop, body: callSdp, headers: { 'Content-Type': 'application/sdp' } },
  });
  assert.equal(refused.status, 503);
  connections.accepted[0]?.handlers.connected();
  await clock.advance(5000);
  assert.deepEqual(
    connections.accepted.map(({ isClosed }) => isClosed),
    [true, true],
    'one was connected, but had no data channel',
  );
  assert.deepEqual((await ask(server, 'GET /v1/parley/sessions', { key: shop })).body, noCalls);

  await openCall(server, { sdp: callSdp });
  connections.last.handlers.connected();
  await openCall(server);
  connections.last.open();
  await clock.advance(60_000);
  assert.equal(connections.last.isClosed, false);
  assert.equal(connections.accepted.at(-2)?.isClosed, false, 'which offered no data channel');
  await openCall(server);
});

test('audio from the client is written to the session; a session far behind drops it', async (t) => {
  const { server, connections, engines, log } = await callsServer(t, {
    config: { apiKeys, limits: { undetectedAudioMs: 100 } },
  });
  const detect = Promise.withResolvers<void>();
  engines.voiceActivity = {
    open: () => ({ frameMs: 32, push: () => detect.promise.then(() => []), close() {} }),
  };
  await openCall(server);
  const caller = connections.last.open();
  for (let sent = 0; sent < 50; sent++) caller.handlers.audio({ samples: tone(20, 48_000), sampleRateHz: 48_000 });
  await settle();
  detect.resolve();
  const { details } = await log.entry('call_audio_dropped');
  assert.ok(Number(Reflect.get(details, 'ms')) >= 800, JSON.stringify(details));
});

test('the last events reach the client before its connection is closed', async (t) => {
  verifies('R1.11', 'R10.9');
  const { server, connections, clock } = await callsServer(t, { config: { apiKeys, sessionMinutes: 1 } });
  await openCall(server);
  const caller = connections.last.open();
  caller.bufferedBytes = 1000;
  await clock.advance(60_000);
  assert.equal((await caller.until('error')).error.code, 'session_expired');
  assert.equal(caller.isClosed, false);
  caller.bufferedBytes = 0;
  await clock.advance(20);
  assert.ok(caller.isClosed);
});
