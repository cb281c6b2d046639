/** Clients that connect, and then use up memory or time of the server. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { GenericNack, RtcpTransportLayerFeedback } from 'werift';
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

/** The first byte of a DTLS ClientKeyExchange that is said to have 1000, in a record of epoch 0 (RFC 6347 §4.1, §4.2.2). */
function fragment(sequence: number): Buffer {
  const handshake = Buffer.alloc(13);
  handshake.writeUInt8(16, 0);
  handshake.writeUIntBE(1000, 1, 3);
  handshake.writeUIntBE(1, 9, 3);
  return plainRecord(22, handshake, sequence);
}

/** A DTLS record of epoch 0, which is not encrypted (RFC 6347 §4.1). */
function plainRecord(type: number, content: Buffer, sequence = 999): Buffer {
  const record = Buffer.alloc(13);
  record.writeUInt8(type, 0);
  record.writeUInt16BE(0xfefd, 1);
  record.writeUIntBE(sequence, 5, 6);
  record.writeUInt16BE(content.length, 11);
  return Buffer.concat([record, content]);
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

/** An SCTP chunk without its padding (RFC 9260 §3.2); `length`: as its header has it. */
function chunk(type: number, body: Buffer, length = body.length + 4): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt8(type, 0);
  header.writeUInt16BE(length, 2);
  return Buffer.concat([header, body]);
}

/** A SACK chunk that acknowledges the same numbers again and again (RFC 9260 §3.3.4). */
function repeatedSack(ranges: number): Buffer {
  const body = Buffer.alloc(12 + ranges * 4);
  body.writeUInt16BE(ranges, 8);
  for (let range = 0; range < ranges; range++) body.writeUInt32BE(0x0001ffff, 12 + range * 4);
  return chunk(3, body);
}

/** A message with the type 99, which no data channel has (RFC 8831 §8), on the stream of the events. */
function typelessMessage(tsn: number): Buffer {
  const bytes = dataChunk(tsn);
  bytes.writeUInt16BE(1, 8);
  bytes.writeUInt32BE(99, 12);
  return bytes;
}

const malformed: [name: string, bytes: (nextTsn: number) => Buffer][] = [
  ['a chunk of length 0', () => chunk(11, Buffer.alloc(8), 0)],
  ['a chunk longer than its packet', () => chunk(11, Buffer.alloc(8), 1000)],
  ['a parameter of length 0', () => chunk(4, Buffer.alloc(8))],
  ['an unknown chunk', () => chunk(77, Buffer.alloc(8))],
  ['a SACK that acknowledges millions of chunks', () => repeatedSack(250)],
  ['a SACK without its ranges', () => chunk(3, Buffer.concat([repeatedSack(0).subarray(4, 12), Buffer.alloc(4, 1)]))],
  ['a message without a type', typelessMessage],
  [
    'an acknowledgement of a channel that does not exist',
    (tsn) => {
      const bytes = dataChunk(tsn);
      bytes.writeUInt32BE(50, 12);
      bytes.writeUInt8(2, 16);
      return bytes;
    },
  ],
];

for (const [name, bytes] of malformed) {
  test(`a client that sends ${name} is disconnected, and nothing else happens`, options, async (t) => {
    const rejections: unknown[] = [];
    const rejected = (error: unknown) => rejections.push(error);
    process.on('unhandledRejection', rejected);
    t.after(() => process.off('unhandledRejection', rejected));
    const caller = await connectedCaller(t);
    const sctp = caller.peer.sctpTransport?.sctp;
    assert.ok(sctp);
    // biome-ignore lint/complexity/useLiteralKeys: only this notation reaches a private member
    const tsn = sctp['localTsn'];
    await Reflect.apply(sctp.sendChunk, sctp, [{ flags: 0, type: 0, body: undefined, bytes: bytes(tsn) }]);
    assert.equal(await caller.server.ended, 'malformed');
    assert.deepEqual(rejections, []);
  });
}

test('a client that sends on many streams is disconnected', options, async (t) => {
  const caller = await connectedCaller(t);
  const sctp = caller.peer.sctpTransport?.sctp;
  assert.ok(sctp);
  // biome-ignore lint/complexity/useLiteralKeys: only this notation reaches a private member
  const first = sctp['localTsn'];
  const chunks = Array.from({ length: 80 }, (_, i) => {
    const bytes = dataChunk((first + i) >>> 0);
    bytes.writeUInt16BE(1000 + i, 8);
    return bytes;
  });
  await Reflect.apply(sctp.sendChunk, sctp, [{ flags: 0, type: 0, body: undefined, bytes: Buffer.concat(chunks) }]);
  assert.equal(await caller.server.ended, 'flooded');
});

test('alerts and handshakes that are not encrypted have no effect on a connected call', options, async (t) => {
  const caller = await connectedCaller(t);
  const [dtls] = caller.peer.dtlsTransports;
  const fatalAlert = Buffer.of(2, 40);
  const hello = Buffer.alloc(12);
  hello.writeUInt8(1, 0);
  const claimsEpoch = plainRecord(21, fatalAlert);
  claimsEpoch.writeUInt16BE(1, 3);
  for (const record of [plainRecord(21, fatalAlert), claimsEpoch, plainRecord(22, hello)]) {
    await dtls?.iceTransport.connection.send(record);
  }
  const [channel] = Object.values(caller.peer.sctpTransport?.dataChannels ?? {});
  channel?.send('still here');
  while (caller.messages.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(caller.messages, ['still here']);
});

test('requests to send packets again, which were not negotiated, are ignored', options, async (t) => {
  const caller = await connectedCaller(t);
  const arrived = async (count: number) => {
    while (caller.packets.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  await arrived(5);
  const { ssrc = 0, sequenceNumber = 0 } = caller.packets[0]?.header ?? {};
  const lost = Array.from({ length: 17 }, (_, i) => (sequenceNumber + i) & 0xffff);
  const feedback = new GenericNack({ senderSsrc: 1, mediaSourceSsrc: ssrc, lost });
  const nack = new RtcpTransportLayerFeedback({ feedback });
  for (let sent = 0; sent < 20; sent++) await caller.peer.dtlsTransports[0]?.sendRtcp([nack]);
  await arrived(15);
  const numbers = caller.packets.map((packet) => packet.header.sequenceNumber);
  assert.equal(new Set(numbers).size, numbers.length);
});
