import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSctp, isAcceptableDtls } from '../../src/transport/webrtc/werift/packet-checks.ts';

/** Records (RFC 6347 §4.1) of `[type, epoch, content]`. */
function records(...all: [type: number, epoch: number, content: Buffer][]): Buffer {
  return Buffer.concat(
    all.flatMap(([type, epoch, content]) => {
      const header = Buffer.alloc(13);
      header.writeUInt8(type, 0);
      header.writeUInt16BE(epoch, 3);
      header.writeUInt16BE(content.length, 11);
      return [header, content];
    }),
  );
}

/** A handshake message (RFC 6347 §4.2.2), or its first fragment. */
function handshake(type: number, length: number, fragment: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(type, 0);
  header.writeUIntBE(length, 1, 3);
  header.writeUIntBE(fragment.length, 9, 3);
  return Buffer.concat([header, fragment]);
}

const certificate = handshake(11, 300, Buffer.alloc(300));
const [alert, handshakes, data] = [21, 22, 23];

test('ordinary records of a handshake are acceptable at any time', () => {
  const flight = records([handshakes, 0, certificate], [20, 0, Buffer.of(1)], [handshakes, 1, Buffer.alloc(48)]);
  assert.ok(isAcceptableDtls(flight, false));
  assert.ok(isAcceptableDtls(flight, true), 'a repeated flight');
  const nonce = Buffer.of(0, 1, 0, 0, 0, 0, 0, 5);
  const encrypted = Buffer.concat([nonce, Buffer.alloc(18)]);
  assert.ok(isAcceptableDtls(records([alert, 1, encrypted], [data, 1, Buffer.alloc(100)]), true));
});

test('a handshake message that announces megabytes is not acceptable, wherever it is in a packet', () => {
  const huge = handshake(16, 2 ** 24 - 1, Buffer.alloc(1));
  assert.ok(!isAcceptableDtls(records([handshakes, 0, huge]), false));
  assert.ok(!isAcceptableDtls(records([handshakes, 0, Buffer.concat([certificate, huge])]), false));
  assert.ok(!isAcceptableDtls(records([handshakes, 0, certificate], [handshakes, 0, huge]), false));
});

test('a connected client sends no alert and no ClientHello without encryption', () => {
  for (const record of [
    records([alert, 0, Buffer.of(2, 40)]),
    records([handshakes, 0, handshake(1, 0, Buffer.of())]),
  ]) {
    assert.ok(isAcceptableDtls(record, false));
    assert.ok(!isAcceptableDtls(record, true));
  }
});

test('an alert that only claims to be encrypted is not acceptable', () => {
  const padded = Buffer.concat([Buffer.of(2, 40), Buffer.alloc(24)]);
  for (const content of [Buffer.of(1, 0), Buffer.of(), padded]) {
    assert.ok(!isAcceptableDtls(records([alert, 1, content]), true));
  }
});

test('records cut off anywhere are processed by the library', () => {
  const flight = records([handshakes, 0, certificate], [data, 1, Buffer.alloc(20)]);
  for (let length = 0; length < flight.length; length++) assert.ok(isAcceptableDtls(flight.subarray(0, length), true));
});

test('an SCTP packet with sound lengths passes, with padding and parameters', () => {
  const init = Buffer.from(`01000018${'00'.repeat(16)}c0000004`, 'hex');
  const heartbeat = Buffer.from('0400000b' + '00010007' + 'aabbcc' + '00', 'hex');
  const sack = Buffer.from(`03000018${'00'.repeat(8)}000200000002000300050009`, 'hex');
  checkSctp(Buffer.concat([Buffer.alloc(12), init, heartbeat, sack]));
  assert.throws(() => checkSctp(Buffer.from(`${'00'.repeat(12)}0b000003`, 'hex')), RangeError);
  assert.throws(() => checkSctp(Buffer.from(`${'00'.repeat(12)}0400000800010003`, 'hex')), RangeError);
});
