/** The rate at which a client is read, and the deadline for each of its messages (docs/limits.md). */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { KeptLog, newServer } from '../support/server.ts';
import { stubSession } from '../support/stub-session.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const kibibyte = 1024;
const query = '?model=gpt-realtime';
const hour = 60 * 60_000;
/** For tests whose clock runs ahead of the sockets. */
const patient = { pingIntervalMs: hour, deadPeerMs: hour };
const clear = { type: 'input_audio_buffer.clear' };

test('a client that exceeds events-per-second gets one error and is read more slowly; no event is lost', async (t) => {
  verifies('R1.20', 'R5.69');
  const clock = new FakeClock();
  const log = new KeptLog();
  const taken: string[] = [];
  const frames = 128;
  const { wsUrl } = await newServer(t, {
    clock,
    log,
    config: { limits: { ...patient, eventsPerSecond: 10, eventBurst: 20 } },
    createSession: () =>
      stubSession((event) => {
        taken.push(event.event_id ?? '');
      }),
  });
  const client = await WireClient.open(wsUrl + query);
  const audio = 'A'.repeat(128 * kibibyte);
  const send = (from: number) => {
    for (let sent = from; sent < from + frames; sent++) {
      client.send({ type: 'input_audio_buffer.append', event_id: `event_${sent}`, audio });
    }
  };
  send(0);
  const { error } = await client.until('error');
  assert.deepEqual([error.code, error.param], ['rate_limit_exceeded', null]);
  assert.match(error.message, /a connection may send 10 events per second\. .*none is lost\.$/);
  const { details, level } = await log.entry('peer_too_fast');
  assert.deepEqual([level, 'eventsPerSecond' in details && details.eventsPerSecond], ['warn', 10]);

  const other = await WireClient.open(wsUrl + query);
  assert.ok(client.socket.bufferedAmount > 0, '16 MiB are not taken in while time stands still');
  assert.ok(taken.length < frames / 2, `${taken.length} were taken`);
  while (taken.length < frames) await clock.advance(1000);
  const waitedMs = clock.now();
  assert.ok(waitedMs >= ((frames - 20) / 10) * 1000 - 2000, `all were taken within ${waitedMs} ms`);

  send(frames);
  while (taken.length < 2 * frames) await clock.advance(1000);
  assert.deepEqual(
    taken,
    Array.from({ length: 2 * frames }, (_, index) => `event_${index}`),
  );
  client.socket.ping();
  await once(client.socket, 'pong');
  assert.deepEqual([client.waiting, other.waiting], [0, 0], 'one error, to its client only');
});

test('a burst within the limit is read without delay', async (t) => {
  const { wsUrl } = await newServer(t, {
    clock: new FakeClock(),
    config: { limits: { eventsPerSecond: 1, eventBurst: 500 } },
  });
  const client = await WireClient.open(wsUrl + query);
  for (let sent = 0; sent < 500; sent++) client.send(clear);
  for (let count = 0; count < 500; count++) assert.equal((await client.next()).type, 'input_audio_buffer.cleared');
});

test('without a limit a client is read as fast as it sends', async (t) => {
  const { wsUrl } = await newServer(t, {
    clock: new FakeClock(),
    config: { limits: { eventsPerSecond: Number.POSITIVE_INFINITY, eventBurst: 1 } },
  });
  const client = await WireClient.open(wsUrl + query);
  for (let sent = 0; sent < 500; sent++) client.send(clear);
  for (let count = 0; count < 500; count++) assert.equal((await client.next()).type, 'input_audio_buffer.cleared');
});

test('pings count as messages', async (t) => {
  verifies('R1.20');
  const { wsUrl } = await newServer(t, {
    clock: new FakeClock(),
    config: { limits: { eventsPerSecond: 1, eventBurst: 10 } },
  });
  const client = await WireClient.open(wsUrl + query);
  for (let sent = 0; sent < 11; sent++) client.socket.ping();
  assert.equal((await client.until('error')).error.code, 'rate_limit_exceeded');
});

/** A client and its TCP connection, for writing raw bytes of frames. */
async function openRaw(url: string): Promise<{ client: WireClient; stream: Socket }> {
  const streams: Socket[] = [];
  const client = await WireClient.open(url, {
    createConnection: () => {
      const stream = connect({ host: '127.0.0.1', port: Number(new URL(url).port), noDelay: true });
      streams.push(stream);
      return stream;
    },
    // A client ping would interleave with the bytes that the test writes.
    autoPong: false,
  });
  const [stream] = streams;
  assert.ok(stream);
  return { client, stream };
}

/** A masked frame of a text message of at most 125 bytes, with a mask of zeros. */
function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

async function overdue(clock: FakeClock, client: WireClient, goOn: () => void): Promise<void> {
  const beganAt = clock.now();
  let closed = false;
  void client.closed.then(() => {
    closed = true;
  });
  const refusal = client.until('error');
  for (let seconds = 0; seconds < 300 && !closed; seconds++) {
    goOn();
    await clock.advance(1000);
  }
  const { error } = await refusal;
  assert.deepEqual([error.code, error.param], ['message_timeout', null]);
  assert.equal(error.message, 'A message must be complete within 1 minute of its first byte.');
  assert.ok(clock.now() - beganAt >= 60_000);
}

test('a frame that arrives byte by byte closes the connection after the limit', async (t) => {
  verifies('R1.21', 'R5.71');
  const clock = new FakeClock();
  const log = new KeptLog();
  const { wsUrl } = await newServer(t, { clock, log });
  const { client, stream } = await openRaw(wsUrl + query);
  const other = await WireClient.open(wsUrl + query);
  // A frame of 4096 bytes.
  stream.write(Buffer.from([0x81, 0xfe, 0x10, 0x00, 0, 0, 0, 0]));
  await overdue(clock, client, () => stream.write(' '));
  assert.deepEqual(await client.closed, { code: 1008, reason: 'invalid_request_error.message_timeout' });
  assert.equal((await log.entry('peer_broke_limit')).level, 'warn');
  await other.ask('Are you still there?');
});

test('a message with endless fragments closes the connection, even with pings and pongs between them', async (t) => {
  verifies('R1.21');
  const clock = new FakeClock();
  const { wsUrl } = await newServer(t, { clock });
  const client = await WireClient.open(wsUrl + query);
  await overdue(clock, client, () => {
    client.socket.send(' ', { fin: false });
    client.socket.pong();
    client.socket.ping();
  });
  assert.equal((await client.closed).code, 1008);
});

test('an incomplete frame header closes the connection after the limit', async (t) => {
  verifies('R1.21');
  const clock = new FakeClock();
  const { wsUrl } = await newServer(t, { clock, config: { limits: patient } });
  const { client, stream } = await openRaw(wsUrl + query);
  stream.write(Buffer.from([0x81]));
  await overdue(clock, client, () => {});
});

test('slow messages that complete in time are accepted', async (t) => {
  const clock = new FakeClock();
  const { wsUrl } = await newServer(t, { clock, config: { limits: patient } });
  const { client, stream } = await openRaw(wsUrl + query);
  const frame = textFrame(JSON.stringify(clear));
  // The end of each frame arrives with the beginning of the next.
  stream.write(frame.subarray(0, 9));
  for (let count = 0; count < 5; count++) {
    await clock.advance(40_000);
    stream.write(Buffer.concat([frame.subarray(9), frame.subarray(0, 9)]));
    await client.until('input_audio_buffer.cleared');
  }
  assert.equal(client.waiting, 0);
});

test('time during which the server does not read is not counted', async (t) => {
  const clock = new FakeClock();
  const { promise: caughtUp, resolve: catchUp } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  let taken = 0;
  const { wsUrl } = await newServer(t, {
    clock,
    config: { limits: patient },
    createSession: () =>
      stubSession(() => {
        taken++;
        if (taken === 2) finish();
        if (taken > 1) return;
        begin();
        return caughtUp;
      }),
  });
  const { client, stream } = await openRaw(wsUrl + query);
  const frame = textFrame(JSON.stringify(clear));
  stream.write(Buffer.concat([frame, frame.subarray(0, 9)]));
  await begun;
  await settle();
  await clock.advance(10 * 60_000);
  stream.write(frame.subarray(9));
  catchUp();
  await done;
  assert.equal(client.waiting, 0);
});
