/**
 * The limits of one session, over a socket (docs/limits.md): the client gets an error, and its session and all others
 * continue.
 */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ConfigOverrides } from '../../src/server/server.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { fakeEngines, hang, tone } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const query = '?model=gpt-realtime';
const text = { output_modalities: ['text'] };
const manual = { audio: { input: { turn_detection: null } } };
/** Bytes of one millisecond at 24 kHz. */
const bytesPerMs = 48;

const update = (session: object) => ({ type: 'session.update', session: { type: 'realtime', ...session } });
const respond = (response: object) => ({ type: 'response.create', response: { ...text, ...response } });
const append = (bytes: number) => ({
  type: 'input_audio_buffer.append',
  audio: Buffer.alloc(bytes).toString('base64'),
});
const tool = (name: string, description = '') => ({ type: 'function', name, description });

async function limited(t: TestContext, limits: ConfigOverrides['limits'], config: ConfigOverrides = {}) {
  const engines = fakeEngines();
  const clock = new FakeClock();
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines), clock, log, config: { ...config, limits } });
  const client = await WireClient.open(wsUrl + query);
  /** The error for an event; the session must continue after it. */
  const refusal = async (event: object) => {
    client.send(event);
    const { error } = await client.until('error');
    client.send({ type: 'input_audio_buffer.clear' });
    await client.until('input_audio_buffer.cleared');
    return error;
  };
  return { client, clock, engines, log, refusal, url: wsUrl + query };
}

test('an append has at most limits.append-bytes of audio', async (t) => {
  verifies('R5.67');
  const { client, refusal } = await limited(t, { appendBytes: 4096 });
  const { code, param, message } = await refusal(append(4098));
  assert.deepEqual([code, param], ['above_max_bytes', 'audio']);
  assert.equal(message, "Invalid 'audio': too many bytes. Expected at most 4096 bytes, but got 4098 bytes instead.");
  client.send(append(4096));
  client.send({ type: 'input_audio_buffer.clear' });
  assert.equal((await client.next()).type, 'input_audio_buffer.cleared', 'as much as that is taken');
});

test('the largest append of the official document is accepted', async (t) => {
  const { client } = await limited(t, {});
  client.send(update(manual));
  client.send(append(15 * 1024 ** 2));
  client.send({ type: 'input_audio_buffer.commit' });
  await client.until('input_audio_buffer.committed');
  assert.equal((await client.next()).type, 'conversation.item.added');
});

test('tools of a session or response are bounded in number and bytes', async (t) => {
  verifies('R5.67');
  const { client, refusal } = await limited(t, { tools: 2, toolBytes: 1024 });
  const three = ['a', 'b', 'c'].map((name) => tool(name));
  const large = [tool('a', 'x'.repeat(600)), tool('b', 'é'.repeat(200))];
  for (const [root, ask] of [
    ['session', update],
    ['response', respond],
  ] as const) {
    const tooMany = await refusal(ask({ tools: three }));
    assert.deepEqual([tooMany.code, tooMany.param], ['array_above_max_length', `${root}.tools`]);
    const tooLarge = await refusal(ask({ tools: large }));
    assert.deepEqual([tooLarge.code, tooLarge.param], ['above_max_bytes', `${root}.tools`]);
    assert.match(tooLarge.message, /Expected at most 1024 bytes, but got 1[01]\d\d bytes/);
  }
  client.send(update({ tools: three.slice(1) }));
  assert.equal((await client.next()).type, 'session.updated');
});

test('instructions, prompt variables and tracing are bounded in bytes', async (t) => {
  verifies('R5.67');
  const { client, refusal } = await limited(t, { instructionsBytes: 1024 });
  const long = 'é'.repeat(600);
  const prompt = { id: 'p', variables: { name: long } };
  for (const [event, param] of [
    [update({ instructions: long }), 'session.instructions'],
    [respond({ instructions: long }), 'response.instructions'],
    [update({ prompt }), 'session.prompt'],
    [respond({ prompt }), 'response.prompt'],
    [update({ tracing: { metadata: { long } } }), 'session.tracing'],
  ] as const) {
    const { code, param: named } = await refusal(event);
    assert.deepEqual([code, named], ['above_max_bytes', param]);
  }
  client.send(update({ instructions: 'é'.repeat(512) }));
  assert.equal((await client.next()).type, 'session.updated');
});

test('responses beyond limits.responses-per-minute are refused, in that session only', async (t) => {
  verifies('R5.68');
  const { client, refusal, clock, url } = await limited(t, { responsesPerMinute: 1 });
  await client.ask('One.');
  const { code, message } = await refusal(respond({}));
  assert.equal(code, 'rate_limit_exceeded');
  assert.match(message, /Try again in 60 s\.$/);
  const other = await WireClient.open(url);
  assert.equal((await other.ask('Another.')).response.status, 'completed');
  await clock.advance(60_000);
  assert.equal((await client.ask('Two.')).response.status, 'completed');
});

test('the number of concurrent out-of-band responses is bounded', async (t) => {
  verifies('R5.56');
  const { refusal, client, engines } = await limited(t, { outOfBandResponses: 1 });
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal);
  client.send(respond({ conversation: 'none' }));
  await client.until('response.created');
  assert.equal((await refusal(respond({ conversation: 'none' }))).code, 'too_many_active_responses');
});

test('a session that is idle for idle-minutes is closed with 1001; another session is unaffected', async (t) => {
  verifies('R5.70');
  const { client, clock, url } = await limited(
    t,
    { pingIntervalMs: 3_600_000, deadPeerMs: 3_600_000 },
    { idleMinutes: 1 },
  );
  const other = await WireClient.open(url);
  await clock.advance(59_000);
  other.send({ type: 'input_audio_buffer.clear' });
  await other.until('input_audio_buffer.cleared');
  await clock.advance(1000);
  assert.equal((await client.until('error')).error.code, 'session_idle');
  assert.deepEqual(await client.closed, { code: 1001, reason: 'invalid_request_error.session_idle' });
  await other.ask('Are you still there?');
});

for (const dialect of ['ga', 'beta']) {
  test(`at session-minutes a client gets the documented error, and close 1001 with its text: ${dialect}`, async (t) => {
    verifies('R1.11', 'R5.38');
    const calm = { pingIntervalMs: 3_600_000, deadPeerMs: 3_600_000 };
    const { clock, url } = await limited(t, calm, { sessionMinutes: 2 });
    const headers: Record<string, string> = dialect === 'beta' ? { 'OpenAI-Beta': 'realtime=v1' } : {};
    const client = await WireClient.open(url, { headers });
    await clock.advance(120_000);
    const message = 'Your session hit the maximum duration of 2 minutes.';
    const { error } = await client.until('error');
    assert.deepEqual(error, {
      ...{ type: 'invalid_request_error', code: 'session_expired', message },
      ...{ param: null, event_id: null },
    });
    assert.deepEqual(await client.closed, { code: 1001, reason: message });
  });
}

test('the input buffer is bounded, and has room again when it is cleared', async (t) => {
  verifies('R5.57');
  const { client, refusal } = await limited(t, { inputBufferMs: 1000 });
  client.send(update(manual));
  client.send(append(1000 * bytesPerMs));
  assert.equal((await refusal(append(2))).code, 'input_audio_buffer_full');
  client.send(append(1000 * bytesPerMs));
  client.send({ type: 'input_audio_buffer.commit' });
  await client.until('input_audio_buffer.committed');
});

test('a conversation has a maximum number of items', async (t) => {
  verifies('R5.58');
  const { client, refusal } = await limited(t, { items: 2 });
  await client.ask('One.');
  assert.equal((await refusal(respond({}))).code, 'conversation_full');
});

test('beyond limits.kept-audio-ms the oldest audio of items is dropped', async (t) => {
  verifies('R8.10');
  const { client } = await limited(t, { keptAudioMs: 1500 });
  assert.deepEqual(await audioOfItems(client, 2), [0, 1000 * bytesPerMs]);
});

test('audio over all sessions is bounded: a session drops its own oldest audio, then is refused', async (t) => {
  verifies('R5.73');
  const { client, url, refusal, log } = await limited(t, { totalAudioMs: 2500 });
  const other = await WireClient.open(url);
  assert.deepEqual(await audioOfItems(client, 1), [1000 * bytesPerMs]);
  assert.deepEqual(await audioOfItems(other, 2), [0, 1000 * bytesPerMs], 'two of three seconds are others’');

  client.send(append(1500 * bytesPerMs));
  const { type, code, param } = await refusal(append(100 * bytesPerMs));
  assert.deepEqual([type, code, param], ['server_error', 'server_audio_full', 'audio']);
  client.send({ type: 'conversation.item.retrieve', item_id: 'item_0' });
  assert.equal(audioBytes((await client.until('conversation.item.retrieved')).item), 0, 'its own oldest went first');
  other.send({ type: 'conversation.item.retrieve', item_id: 'item_1' });
  const { item } = await other.until('conversation.item.retrieved');
  assert.equal(audioBytes(item), 1000 * bytesPerMs, 'other sessions keep their audio');

  // The refused audio has been cleared; the audio of a session is freed when it ends.
  other.socket.close();
  await log.entry('session_closed');
  const third = await WireClient.open(url);
  assert.deepEqual(await audioOfItems(third, 2), [1000 * bytesPerMs, 1000 * bytesPerMs]);
});

test('a stage that yields nothing for limits.stage-stall-ms fails its response', async (t) => {
  verifies('R3.3', 'R3.42');
  const { client, clock, engines } = await limited(t, { stageStallMs: 5000 });
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal);
  client.send(respond({}));
  await client.until('response.created');
  await clock.advance(5000);
  const { response } = await client.until('response.done');
  assert.equal(response.status, 'failed');
  client.send({ type: 'input_audio_buffer.clear' });
  assert.equal((await client.next()).type, 'input_audio_buffer.cleared', 'no rate_limits.updated before it');
});

for (const [what, request] of [
  ['headers', 'POST /healthz HTTP/1.1\r\nHost: localhost\r\n'],
  ['a request', 'POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n'],
] as const) {
  test(`a client that does not finish ${what} in time is answered with 408`, async (t) => {
    const { port } = await newServer(t, { config: { limits: { headersTimeoutMs: 100, requestTimeoutMs: 100 } } });
    const socket = connect(port, '127.0.0.1');
    socket.write(request);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    assert.match(answer, /HTTP\/1\.1 408 Request Timeout\r\n/);
  });
}

/** Creates items of one second of audio each, and returns how many bytes of each are retained afterwards. */
async function audioOfItems(client: WireClient, count: number): Promise<number[]> {
  const ids = Array.from({ length: count }, (_, index) => `item_${index}`);
  const audio = Buffer.from(tone(1000, 24000).buffer).toString('base64');
  for (const id of ids) {
    const item = { id, type: 'message', role: 'user', content: [{ type: 'input_audio', audio }] };
    client.send({ type: 'conversation.item.create', item });
  }
  const sizes: number[] = [];
  for (const item_id of ids) {
    client.send({ type: 'conversation.item.retrieve', item_id });
    sizes.push(audioBytes((await client.until('conversation.item.retrieved')).item));
  }
  return sizes;
}

function audioBytes(item: { type: string; content?: readonly object[] }): number {
  const part = item.content?.[0];
  assert.ok(part);
  return 'audio' in part && typeof part.audio === 'string' ? Buffer.from(part.audio, 'base64').length : 0;
}
