/** Clients that connect, and then use up memory or time of the server. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { CallLimits } from '../../src/transport/webrtc/call-options.ts';
import type { ConnectionHandlers } from '../../src/transport/webrtc/peer-connection.ts';
import { MediaCaller, newConnections } from './media-caller.ts';

const options = { timeout: 60_000 };

async function connectedCaller(
  t: TestContext,
  { limits = {}, handlers = {} }: { limits?: Partial<CallLimits>; handlers?: Partial<ConnectionHandlers> } = {},
) {
  const caller = await MediaCaller.call(newConnections(t, limits), { handlers });
  t.after(() => caller.leave());
  await caller.channelOpened;
  return caller;
}

/** A chunk of SCTP with one byte, unordered and complete, for a stream that has no channel (RFC 9260 §3.3.1). */
function dataChunk(tsn: number): Buffer {
  const chunk = Buffer.alloc(20);
  chunk.writeUInt8(0b111, 1);
  chunk.writeUInt16BE(17, 2);
  chunk.writeUInt32BE(tsn, 4);
  chunk.writeUInt16BE(60_000, 8);
  chunk.writeUInt32BE(51, 12);
  return chunk;
}

/** The first byte of a DTLS ClientHello that is said to have 1000, in a record of epoch 0 (RFC 6347 §4.1, §4.2.2). */
function fragment(sequence: number): Buffer {
  const handshake = Buffer.alloc(13);
  handshake.writeUInt8(1, 0);
  handshake.writeUIntBE(1000, 1, 3);
  handshake.writeUIntBE(1, 9, 3);
  const record = Buffer.alloc(13);
  record.writeUInt8(22, 0);
  record.writeUInt16BE(0xfefd, 1);
  record.writeUIntBE(sequence, 5, 6);
  record.writeUInt16BE(handshake.length, 11);
  return Buffer.concat([record, handshake]);
}

test('a client that leaves a gap in its data and sends thousands of chunks is disconnected', options, async (t) => {
  const caller = await connectedCaller(t);
  const sctp = caller.peer.sctpTransport?.sctp;
  assert.ok(sctp);
  // biome-ignore lint/complexity/useLiteralKeys: only this notation reaches a private member
  const first = sctp['localTsn'] + 2;
  for (let sent = 0; sent < 6000; sent += 50) {
    const bytes = Buffer.concat(Array.from({ length: 50 }, (_, i) => dataChunk((first + sent + i) >>> 0)));
    // Not a class of the library, whose chunks are one per object.
    await Reflect.apply(sctp.sendChunk, sctp, [{ flags: 0, type: 0, body: undefined, bytes }]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await caller.server.ended, 'flooded');
});

test('a client that sends fragments of handshakes without end is disconnected', options, async (t) => {
  const caller = await connectedCaller(t);
  const [dtls] = caller.peer.dtlsTransports;
  for (let sent = 0; sent < 100; sent++) await dtls?.iceTransport.connection.send(fragment(sent + 1000));
  assert.equal(await caller.server.ended, 'flooded');
});

test('a client that opens channels without end is disconnected', options, async (t) => {
  const caller = await connectedCaller(t);
  for (let opened = 0; opened < 20; opened++) caller.peer.createDataChannel(`extra ${opened}`);
  assert.equal(await caller.server.ended, 'flooded');
});

test('messages that wait are bounded in number, however short', options, async (t) => {
  const caller = await connectedCaller(t, {
    limits: { pendingBytes: 4096 },
    handlers: { message: () => new Promise(() => {}) },
  });
  const [channel] = Object.values(caller.peer.sctpTransport?.dataChannels ?? {});
  for (let sent = 0; sent < 100; sent++) channel?.send('x');
  assert.equal(await caller.server.ended, 'flooded');
});
