import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { fakeEngines, say } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { stubSession } from '../support/stub-session.ts';
import { verifies } from '../support/verifies.ts';
import { refusedUpgrade, WireClient } from '../support/wire-client.ts';

const kibibyte = 1024;
const mebibyte = 1024 ** 2;
const query = '?model=gpt-realtime';

test('a server whose engines are overloaded answers 503, and open sessions continue', async (t) => {
  const engines = { ...fakeEngineSet(), overloaded: false };
  const server = await newServer(t, { engines });
  const client = await WireClient.open(`${server.wsUrl}?model=m`);
  engines.overloaded = true;
  assert.deepEqual(await refusedUpgrade(`${server.wsUrl}?model=m`), {
    status: 503,
    body: {
      error: {
        message: 'The server is overloaded: conversations wait for its engines. Try again later.',
        type: 'server_error',
        param: null,
        code: 'overloaded',
      },
    },
  });
  client.send({ type: 'response.create' });
  assert.equal((await client.until('response.done')).response.status, 'completed');
});

test('a full server answers 503, and accepts clients again when a session ends', async (t) => {
  verifies('R1.5');
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, { config: { limits: { sessions: 1 } }, log });
  const first = await WireClient.open(wsUrl + query);
  assert.deepEqual(await refusedUpgrade(wsUrl + query), {
    status: 503,
    body: {
      error: {
        message: 'The server is at its limit of 1 sessions. Try again when one has ended.',
        type: 'server_error',
        param: null,
        code: 'overloaded',
      },
    },
  });
  first.socket.close();
  await log.entry('session_closed');
  await WireClient.open(wsUrl + query);
});

test('a message that is not an event gets an error, and the session continues', async (t) => {
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  const garbage: [string | Buffer, string][] = [
    ['{"type":', 'invalid_json'],
    ['', 'invalid_json'],
    ['[]', 'invalid_event'],
    ['{}', 'invalid_event'],
    ['{"type":"nope"}', 'invalid_value'],
    [Buffer.from([0, 255, 1]), 'invalid_event'],
  ];
  for (const [frame, code] of garbage) {
    client.socket.send(frame);
    assert.equal((await client.until('error')).error.code, code);
  }
  const { response } = await client.ask('Are you still there?');
  assert.equal(response.status, 'completed');
});

test('a message above the maximum size closes only its own connection, with 1009', async (t) => {
  verifies('R1.18');
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, { config: { limits: { frameBytes: 64 * kibibyte } }, log });
  const [loud, other] = await Promise.all([WireClient.open(wsUrl + query), WireClient.open(wsUrl + query)]);
  loud.socket.send('x'.repeat(64 * kibibyte + 1));
  assert.equal((await loud.closed).code, 1009);
  assert.equal((await log.entry('peer_broke_protocol')).level, 'warn');
  await other.ask('Are you still there?');
});

test('a message in too many fragments closes its connection', async (t) => {
  verifies('R1.18');
  const { wsUrl } = await newServer(t, { config: { limits: { frameFragments: 8 } } });
  const client = await WireClient.open(wsUrl + query);
  for (let sent = 0; sent < 9; sent++) client.socket.send(' ', { fin: false });
  assert.equal((await client.closed).code, 1008);
});

test('text that is not UTF-8 closes its connection with 1007', async (t) => {
  verifies('R1.18');
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  client.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
  assert.equal((await client.closed).code, 1007);
});

test('a client that does not read is disconnected; another client is unaffected', async (t) => {
  const engines = fakeEngines();
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, {
    engines: fakeEngineSet(engines),
    config: { limits: { outputQueueBytes: 256 * kibibyte, closeGraceMs: 30_000 } },
    log,
  });
  const slow = await WireClient.open(wsUrl + query);
  engines.languageModel.script = flood;
  slow.socket.pause();
  slow.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  await log.entry('peer_too_slow');

  engines.languageModel.script = () => say('Yes.');
  const other = await WireClient.open(wsUrl + query);
  assert.equal((await other.ask('Are you still there?')).response.status, 'completed');

  slow.socket.resume();
  const { code, reason } = await slow.closed;
  assert.equal(code, 1008);
  assert.match(reason, /^client reads too slowly: \d+ bytes unsent$/);
});

test('a client that never reads again is disconnected', async (t) => {
  const engines = fakeEngines();
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, {
    engines: fakeEngineSet(engines),
    config: { limits: { outputQueueBytes: 256 * kibibyte } },
    log,
  });
  const stuck = await WireClient.open(wsUrl + query);
  engines.languageModel.script = flood;
  stuck.socket.pause();
  stuck.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  const { details } = await log.entry('session_closed');
  assert.equal('code' in details && details.code, 1006);
});

test('a client is not read while its session is behind; no event is lost', async (t) => {
  const taken: string[] = [];
  const { promise: caughtUp, resolve: catchUp } = Promise.withResolvers<void>();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const frames = 256;
  const { wsUrl } = await newServer(t, {
    createSession: () =>
      stubSession((event) => {
        taken.push(event.event_id ?? '');
        if (taken.length === frames) finish();
        return taken.length === 1 ? caughtUp : undefined;
      }),
  });
  const client = await WireClient.open(wsUrl + query);
  const audio = 'A'.repeat(mebibyte / 4);
  for (let sent = 0; sent < frames; sent++) {
    client.send({ type: 'input_audio_buffer.append', event_id: `event_${sent}`, audio });
  }
  const other = await WireClient.open(wsUrl + query);
  assert.ok(client.socket.bufferedAmount > 0, '64 MiB are not taken in while the first event waits');
  assert.ok(taken.length < frames);
  catchUp();
  await done;
  assert.deepEqual(
    taken,
    Array.from({ length: frames }, (_, index) => `event_${index}`),
  );
  other.socket.close();
});

test('a flood of small messages does not delay another client', async (t) => {
  const taken: string[] = [];
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  const messages = 1000;
  const { wsUrl } = await newServer(t, {
    createSession: ({ model }) =>
      stubSession(() => {
        taken.push(model);
        if (taken.length === messages + 1) finish();
      }),
  });
  const loud = await WireClient.open(`${wsUrl}?model=loud`);
  const quiet = await WireClient.open(`${wsUrl}?model=quiet`);
  for (let sent = 0; sent < messages; sent++) loud.send({ type: 'input_audio_buffer.clear' });
  quiet.send({ type: 'input_audio_buffer.clear' });
  await done;
  assert.ok(taken.indexOf('quiet') < messages / 10, `it came after ${taken.indexOf('quiet')} of the flood's messages`);
});

test('a client that creates an item of the maximum size is not disconnected as one that does not read', async (t) => {
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(wsUrl + query);
  const content = [{ type: 'input_text', text: 'x'.repeat(21 * mebibyte) }];
  client.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  client.send({ type: 'input_audio_buffer.clear' });
  await client.until('conversation.item.done');
  await client.until('input_audio_buffer.cleared');
});

test('an internal error in an event is reported to its client only, and both sessions continue', async (t) => {
  verifies('R5.61');
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, {
    createSession: () =>
      stubSession((event) => {
        if (event.type === 'input_audio_buffer.clear') throw new Error('a bug');
        if (event.type === 'input_audio_buffer.commit') return Promise.reject(new Error('a later bug'));
        return undefined;
      }),
    log,
  });
  const [faulty, other] = await Promise.all([WireClient.open(wsUrl + query), WireClient.open(wsUrl + query)]);
  for (const type of ['input_audio_buffer.clear', 'input_audio_buffer.commit']) {
    faulty.send({ type });
    const { error } = await faulty.until('error');
    assert.deepEqual([error.type, error.code], ['server_error', 'internal_error']);
  }
  assert.equal((await log.entry('session_failed')).level, 'error');
  other.socket.send('garbage');
  await other.until('error');
  assert.equal(other.waiting, 0);
});

test('a client that answers pings stays connected; one that does not is disconnected after the limit', async (t) => {
  verifies('R1.10');
  const clock = new FakeClock();
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, { clock, log });
  const [alive, dead] = await Promise.all([
    WireClient.open(wsUrl + query),
    WireClient.open(wsUrl + query, { autoPong: false }),
  ]);
  for (const elapsedMs of [20_000, 40_000]) {
    const pinged = once(alive.socket, 'ping');
    await clock.advance(20_000);
    if (elapsedMs === 20_000) await pinged;
    // The answer to this event proves that the preceding pong has been read.
    alive.socket.send('garbage');
    await alive.until('error');
  }
  assert.equal((await dead.closed).code, 1006);
  assert.equal((await log.entry('peer_dead')).level, 'warn');
  await alive.ask('Are you still there?');
});

test('connections without a session have a limit of their number, which does not affect sessions', async (t) => {
  const log = new KeptLog();
  const { wsUrl, port } = await newServer(t, { config: { limits: { pendingConnections: 2 } }, log });
  const session = await WireClient.open(wsUrl + query);
  const idle = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  for (const socket of idle) socket.on('error', () => {});
  await log.entry('server_connections_full');
  assert.equal(log.entries.filter(({ event }) => event === 'server_connections_full').length, 1);
  await session.ask('Are you still there?');
  for (const socket of idle) socket.destroy();
});

/** More text than the buffers of any socket can take. */
async function* flood(): AsyncGenerator<ModelEvent> {
  const text = 'la '.repeat(32 * kibibyte);
  for (let piece = 0; piece < 1000; piece++) yield { type: 'text', text };
}
