import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameWatch } from '../../src/transport/websocket/frame-watch.ts';

interface Frame {
  fin: boolean;
  opcode: number;
  length: number;
}

/** A client frame whose payload looks like frame headers. */
function frame({ fin, opcode, length }: Frame): Buffer {
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127;
  const head = Buffer.from([(fin ? 0x80 : 0) | opcode, 0x80 | short]);
  return Buffer.concat([head, extended, Buffer.from([1, 2, 3, 4]), Buffer.alloc(length, 0x01)]);
}

const text = (length: number, fin = true) => ({ fin, opcode: 1, length });
const more = (length: number, fin = false) => ({ fin, opcode: 0, length });
const pong = { fin: true, opcode: 10, length: 5 };
const messages: Frame[][] = [
  [text(0)],
  [text(1)],
  [text(125)],
  [text(126)],
  [text(65_535)],
  [text(65_536)],
  [pong],
  [text(3, false), pong, more(0), more(200), pong, more(0, true)],
  [text(0, false), more(70_000, true)],
];

test('a message is incomplete from its first byte to its last, however it is chunked', () => {
  const encoded = messages.map((frames) => Buffer.concat(frames.map(frame)));
  const bytes = Buffer.concat(encoded);
  const ends = new Set<number>();
  let end = 0;
  for (const message of encoded) {
    end += message.length;
    ends.add(end);
  }
  for (const step of [1, 7, 1000, 65_537, bytes.length]) {
    const watch = new FrameWatch();
    for (let at = 0; at < bytes.length; at += step) {
      const until = Math.min(at + step, bytes.length);
      const ended = watch.push(bytes.subarray(at, until));
      const within = [...ends].some((each) => each > at && each <= until);
      assert.deepEqual([watch.incomplete, ended], [!ends.has(until), within], `${at}…${until}`);
    }
  }
});
