/** Events through a relayed session: recipients, forms and bounds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Observation } from '../../src/session/ports/observer.ts';
import { verifies } from '../support/verifies.ts';
import { responseOf, upstreamSession } from './support/fake-upstream.ts';
import { AttachedPeer, beta, liveSession, openingSession } from './support/peers.ts';

const unchecked = { checked: false };

test('the first client waits for the upstream’s session; later ones get its current state', async (t) => {
  const { side, session, client } = await openingSession(t);
  await side.delivered();
  assert.deepEqual(client.types(), []);
  side.create();
  const created = await client.next('session.created');
  assert.equal(Reflect.get(Object(created.session), 'instructions'), 'As the upstream says.');
  side.send({ type: 'session.updated', session: { ...upstreamSession, instructions: 'Changed.' } });
  await client.next('session.updated');
  const late = new AttachedPeer(session);
  const lateBeta = new AttachedPeer(session, beta);
  assert.deepEqual([late.types(), lateBeta.types()], [['session.created'], ['session.created']]);
  assert.equal(Reflect.get(Object(late.events[0]?.session), 'instructions'), 'Changed.');
  const flat = Object(lateBeta.events[0]?.session);
  assert.deepEqual([flat.instructions, flat.voice, flat.input_audio_format], ['Changed.', 'marin', 'pcm16']);
});

test('client events before the upstream is connected are queued in order, and refusals keep their position', async (t) => {
  const { side, client } = await openingSession(t);
  client.post({ type: 'input_audio_buffer.append', audio: 'AAAA' });
  client.post({ type: 'nope', event_id: 'mine' });
  client.post({ type: 'input_audio_buffer.clear' });
  await side.delivered();
  assert.deepEqual(client.types(), []);
  side.create();
  await client.next('error');
  assert.deepEqual(client.types(), ['session.created', 'error']);
  await side.next('input_audio_buffer.clear');
  assert.deepEqual(
    side.received.map(({ type }) => type),
    ['input_audio_buffer.append', 'input_audio_buffer.clear'],
  );
});

test('audio is forwarded unchanged', async (t) => {
  const { side, client } = await liveSession(t);
  const audio = Buffer.from(Int16Array.from({ length: 4800 }, (_, index) => index * 7).buffer).toString('base64');
  client.post({ type: 'input_audio_buffer.append', audio });
  assert.equal((await side.next('input_audio_buffer.append')).audio, audio);
});

test('aliases and non-GA fields are not forwarded to the upstream', async (t) => {
  const { side, session } = await liveSession(t);
  const peer = new AttachedPeer(session, beta);
  peer.post({
    type: 'session.update',
    session: { model: 'gpt-4o-realtime-preview', temperature: 0.7, voice: 'verse' },
  });
  const update = await side.next('session.update');
  assert.deepEqual(update.session, { type: 'realtime', audio: { input: {}, output: { voice: 'verse' } } });
  side.send({ type: 'session.updated', session: upstreamSession });
  assert.equal(Reflect.get(Object((await peer.next('session.updated')).session), 'temperature'), 0.7);
});

test("an error is sent to its originator only, with the client's event id", async (t) => {
  const { side, session, client } = await liveSession(t);
  const other = new AttachedPeer(session);
  const refuse = async (type: string) => {
    const { event_id } = await side.next(type);
    side.send({
      type: 'error',
      error: { type: 'invalid_request_error', code: 'x', message: 'No.', param: null, event_id },
    });
  };
  other.post({ type: 'input_audio_buffer.commit', event_id: 'theirs' });
  await refuse('input_audio_buffer.commit');
  const first = await other.next('error');
  client.post({ type: 'input_audio_buffer.clear' });
  await refuse('input_audio_buffer.clear');
  const second = await client.next('error');
  assert.deepEqual([Object(first.error).event_id, Object(second.error).event_id], ['theirs', null]);
  assert.deepEqual([client.types().length, other.types().length], [2, 2]);

  side.send({ type: 'error', error: { type: 'server_error', code: 'y', message: 'Oh.', param: null, event_id: null } });
  await Promise.all([client.next('error', 2), other.next('error', 2)]);
});

test('a beta client gets errors of the upstream unchanged, and those of this server in beta names', async (t) => {
  verifies('R6.16');
  const { side, session } = await liveSession(t, { grant: { locked: ['audio.output.voice'] } });
  const peer = new AttachedPeer(session, beta);
  const message = "Cannot use 'session.audio.output.voice' here.";
  const upstreamError = { type: 'invalid_request_error', code: 'x', message, param: 'session.audio.output.voice' };
  side.send({ type: 'error', error: { ...upstreamError, event_id: null } });
  assert.deepEqual((await peer.next('error')).error, { ...upstreamError, event_id: null });

  peer.post({ type: 'session.update', event_id: 'mine', session: { voice: 'sage' } });
  const own = Object((await peer.next('error', 2)).error);
  assert.deepEqual([own.code, own.param, own.event_id], ['parameter_locked', 'session.voice', 'mine']);
  assert.match(own.message, /^Cannot change 'session\.voice': /);
});

test('ids that resemble the relay’s, or have the maximum length, are restored for their client', async (t) => {
  const { side, session, client: other } = await liveSession(t);
  const client = new AttachedPeer(session);
  const long = (start: string) => start.padEnd(512, 'x');
  const ids = ['peer1-1', 'peer1-1.mine', 'parley-own-session', long('peer1-1.'), long('parley-own-item-0'), long('x')];
  for (const [index, id] of ids.entries()) {
    client.post({ type: 'input_audio_buffer.commit', event_id: id });
    const { event_id } = await side.next('input_audio_buffer.commit');
    assert.ok(String(event_id).length <= 512);
    side.send({
      type: 'error',
      error: { type: 'invalid_request_error', code: 'x', message: 'No.', param: null, event_id },
    });
    assert.equal(Object((await client.next('error', index + 1)).error).event_id, id);
  }
  assert.ok(!other.types().includes('error'));
});

test('only the latest long ids are retained, and an error for an older one still reaches its client', async (t) => {
  const { side, client } = await liveSession(t);
  const events = 1100;
  const idOf = (index: number) => `${index}`.padEnd(512, 'x');
  for (let index = 0; index < events; index++) client.post({ type: 'input_audio_buffer.clear', event_id: idOf(index) });
  const sent: unknown[] = [];
  while (sent.length < events) sent.push((await side.next('input_audio_buffer.clear')).event_id);
  const eventIds: unknown[] = [];
  for (const event_id of [sent[0], sent.at(-1)]) {
    side.send({ type: 'error', error: { type: 'invalid_request_error', code: 'x', message: 'No.', event_id } });
    eventIds.push(Object((await client.next('error', eventIds.length + 1)).error).event_id);
  }
  assert.deepEqual(eventIds, [null, idOf(events - 1)]);
});

test('GA clients get unknown events unchanged, and beta clients do not get them', async (t) => {
  const { side, session, client } = await liveSession(t, unchecked);
  const old = new AttachedPeer(session, beta);
  const mcp = {
    type: 'mcp_list_tools.completed',
    event_id: 'event_mcp',
    item_id: 'item_mcp',
    future: { deep: [1, null] },
  };
  const item = { id: 'item_mcp', type: 'mcp_list_tools', server_label: 'docs', tools: [] };
  const newer = { type: 'response.thought.delta', event_id: 'event_new', delta: 'Hmm' };
  const known = {
    ...{ type: 'conversation.item.added', event_id: 'event_known', previous_item_id: null, surprise: true },
    item: {
      id: 'item_1',
      object: 'realtime.item',
      type: 'message',
      role: 'user',
      status: 'completed',
      phase: 'final',
      content: [{ type: 'input_video', url: 'x' }],
    },
  };
  const sent = [
    mcp,
    { type: 'conversation.item.added', event_id: 'event_item', previous_item_id: null, item },
    newer,
    known,
  ];
  side.send(...sent);
  await client.next('conversation.item.added', 4);
  assert.deepEqual(client.events.slice(1), sent);
  assert.deepEqual(old.types(), [
    'session.created',
    'mcp_list_tools.completed',
    'conversation.item.created',
    'conversation.item.created',
  ]);
});

test("calls of the upstream's tools reach clients of both dialects, and observers", async (t) => {
  const seen: Observation[] = [];
  const observers = [{ observe: (observation: Observation) => seen.push(observation) }];
  const { side, session, client, clock } = await liveSession(t, { observers });
  const old = new AttachedPeer(session, beta);
  const item = {
    id: 'item_call',
    type: 'mcp_call',
    server_label: 'docs',
    name: 'search',
    arguments: '{}',
    output: null,
  };
  const at = { item_id: item.id, output_index: 0 };
  const inResponse = { response_id: 'resp_1', output_index: 0 };
  const begun = { ...item, arguments: '' };
  const done = { ...item, output: 'Found.', approval_request_id: null };
  const sent = [
    { type: 'response.output_item.added', ...inResponse, item: begun },
    { type: 'conversation.item.added', previous_item_id: null, item: begun },
    { type: 'response.mcp_call_arguments.delta', response_id: 'resp_1', ...at, delta: '{}', obfuscation: 'x' },
    { type: 'response.mcp_call_arguments.done', response_id: 'resp_1', ...at, arguments: '{}' },
    { type: 'response.mcp_call.in_progress', ...at },
    { type: 'response.output_item.done', ...inResponse, item },
    { type: 'response.done', response: responseOf('completed', { output: [item] }) },
    { type: 'conversation.item.done', previous_item_id: null, item: done },
    { type: 'response.mcp_call.completed', ...at },
    { type: 'conversation.item.retrieved', item: done },
  ].map((event, index) => ({ ...event, event_id: `event_${index}` }));
  side.send({ type: 'response.created', response: responseOf('in_progress') }, ...sent);
  await client.next('conversation.item.retrieved');
  assert.deepEqual(client.events.slice(2), sent);
  assert.deepEqual(old.types(2), [
    'response.output_item.added',
    'conversation.item.created',
    'response.mcp_call_arguments.delta',
    'response.mcp_call_arguments.done',
    'response.mcp_call.in_progress',
    'response.output_item.done',
    'response.done',
    'response.mcp_call.completed',
    'conversation.item.retrieved',
  ]);
  assert.deepEqual(Object(old.events.at(-1)).item, { ...item, output: 'Found.' });
  const about = { responseId: 'resp_1', itemId: 'item_call', serverLabel: 'docs', name: 'search' };
  assert.deepEqual(
    seen.filter(({ type }) => type === 'tool_call_done'),
    [{ type: 'tool_call_done', ...about, tookMs: 0, atMs: clock.now(), inputMs: 0, relayed: true }],
  );
});

test('malformed events of known types do not affect clients of either dialect', async (t) => {
  const { side, session, client, log } = await liveSession(t, unchecked);
  const old = new AttachedPeer(session, beta);
  for (const [index, event] of [
    { type: 'response.created' },
    { type: 'response.done', response: { id: 7, output: 'none' } },
    { type: 'response.output_audio.delta', delta: 9 },
    { type: 'conversation.item.added', item: null },
    { type: 'session.updated', session: [] },
    { type: 'rate_limits.updated', rate_limits: {} },
    { type: 'error' },
    { type: '__proto__' },
    { type: 'constructor' },
  ].entries())
    side.send({ ...event, event_id: `event_odd_${index}` });
  side.send({ type: 'input_audio_buffer.cleared' });
  await client.next('input_audio_buffer.cleared');
  assert.deepEqual(
    old.types().filter((type) => type !== 'error'),
    ['session.created', 'input_audio_buffer.cleared'],
  );
  assert.deepEqual((await log.entry('upstream_odd')).details, {
    upstream: 'fake',
    problem: 'a malformed response.created',
  });
});

test('frames that are not events are dropped and logged once; a flood of them closes the connection', async (t) => {
  const { side, client, log, clock, upstream } = await liveSession(t);
  side.sendText('<html>');
  side.sendText('[]');
  side.sendText('{"type":1}');
  side.sendText(`{"type":"x","a":${'['.repeat(200)}${']'.repeat(200)}}`);
  side.sendText(`{"type":"x","a":[${'0,'.repeat(60_000)}0]}`);
  side.socket.send(Buffer.from([1, 2, 3]));
  side.send({ type: 'input_audio_buffer.cleared' });
  await client.next('input_audio_buffer.cleared');
  assert.equal(log.entries.filter(({ event }) => event === 'upstream_odd').length, 1);
  for (let count = 0; count < 100; count += 1) side.sendText('nonsense');
  await log.entry('upstream_lost');
  await clock.advance(250);
  await upstream.connection();
});

test('an event of ten megabytes is forwarded; one above the limit closes the connection', async (t) => {
  const { side, client, log } = await liveSession(t, { limits: { upstreamMessageBytes: 16 * 1024 ** 2 } });
  const audio = 'A'.repeat(10 * 1024 ** 2);
  const item = { id: 'item_big', object: 'realtime.item', type: 'message', role: 'user', status: 'completed' };
  side.send({
    type: 'conversation.item.retrieved',
    item: { ...item, content: [{ type: 'input_audio', audio, transcript: null }] },
  });
  const { item: retrieved } = await client.next('conversation.item.retrieved');
  assert.equal(Object(retrieved).content[0].audio.length, audio.length);
  side.sendText(`{"type":"x","a":"${'A'.repeat(17 * 1024 ** 2)}"}`);
  await log.entry('upstream_lost');
});

test('a slow upstream slows its clients down without loss', async (t) => {
  const { side, client } = await liveSession(t, { limits: { upstreamQueueBytes: 64 * 1024 } });
  side.socket.pause();
  const audio = 'A'.repeat(1024 ** 2);
  let waiting: Promise<void> | undefined;
  let sent = 0;
  while (!waiting) {
    const caughtUp = client.say({ type: 'input_audio_buffer.append', audio });
    sent += 1;
    assert.ok(sent < 100, 'the client was never asked to wait');
    if (caughtUp instanceof Promise) waiting = caughtUp;
    await setImmediate();
  }
  side.socket.resume();
  await waiting;
  client.post({ type: 'input_audio_buffer.clear' });
  await side.next('input_audio_buffer.clear');
  assert.equal(side.received.filter(({ type }) => type === 'input_audio_buffer.append').length, sent);
});

test('clients are not read when the queue for a connecting upstream is full', async (t) => {
  const { side, client, session } = await openingSession(t, { limits: { upstreamQueueBytes: 64 * 1024 } });
  const waiting = client.say({ type: 'input_audio_buffer.append', audio: 'A'.repeat(100_000) });
  assert.ok(waiting instanceof Promise);
  const flooding = new AttachedPeer(session);
  for (let count = 0; count < 2000; count += 1) flooding.post({ type: 'nope' });
  assert.equal(flooding.closed?.code, 1008, 'a client that does not wait is disconnected');
  side.create();
  await waiting;
  await side.next('input_audio_buffer.append');
});

test('unknown and null fields of an upstream’s session do not hide the others from beta clients', async (t) => {
  const { side, session } = await openingSession(t, unchecked);
  const { audio } = upstreamSession;
  const transcription = { model: 'gpt-4o-transcribe', language: null, prompt: null, novelty: 1 };
  side.create({
    tools: [
      { type: 'function', name: 'f', description: null, parameters: {} },
      { type: 'mcp', server_label: 'docs', server_url: 'https://example.com' },
    ],
    novelty: { of: 'the upstream' },
    audio: { ...audio, input: { ...audio.input, transcription, turn_detection: { type: 'psychic_vad' } } },
  });
  const old = new AttachedPeer(session, beta);
  const flat = Object((await old.next('session.created')).session);
  assert.deepEqual(flat.tools, [{ type: 'function', name: 'f', description: null, parameters: {} }]);
  assert.deepEqual(flat.input_audio_transcription, { model: 'gpt-4o-transcribe', language: null, prompt: null });
  assert.equal(flat.turn_detection.type, 'server_vad', 'a value that beta lacks is sent as the default');
});
