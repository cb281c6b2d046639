/** How an event is sent: as valid, unusual, or invalid WebSocket frames. */

import { encodeFrame, opcodes } from '../harness/websocket-frames.ts';
import { oddString } from './oddities.ts';
import type { Random } from './random.ts';

export interface Framing {
  bytes: Buffer;
  what: string;
  /** The server may close the connection. */
  mayEnd: boolean;
}

/** Frames that a server must accept. */
export function oddFraming(random: Random, text: string): Framing {
  const payload = Buffer.from(text);
  return random.weighted<() => Framing>([
    [4, () => allowed('in fragments', fragments(random, payload, random.integer(2, 6), random.chance(0.5)))],
    [
      1,
      () =>
        allowed('with an empty last fragment', [
          encodeFrame({ opcode: opcodes.text, payload, fin: false }),
          encodeFrame({ opcode: opcodes.continuation }),
        ]),
    ],
    [
      1,
      () => allowed('with a length in eight bytes', [encodeFrame({ opcode: opcodes.text, payload, longForm: true })]),
    ],
    [2, () => allowed('as a binary frame', [encodeFrame({ opcode: opcodes.binary, payload })])],
    [
      1,
      () =>
        allowed('after a ping', [
          encodeFrame({ opcode: opcodes.ping, payload: payload.subarray(0, 125) }),
          encodeFrame({ opcode: opcodes.text, payload }),
        ]),
    ],
    [
      1,
      () =>
        allowed('after an unsolicited pong', [
          encodeFrame({ opcode: opcodes.pong, payload: payload.subarray(0, random.integer(0, 125)) }),
          encodeFrame({ opcode: opcodes.text, payload }),
        ]),
    ],
    [
      1,
      () =>
        allowed('after an empty frame', [
          encodeFrame({ opcode: opcodes.text }),
          encodeFrame({ opcode: opcodes.text, payload }),
        ]),
    ],
  ])();
}

/** Frames that break the WebSocket protocol, or may. */
export function brokenFraming(random: Random, text: string): Framing {
  const payload = Buffer.from(text);
  const whole = encodeFrame({ opcode: opcodes.text, payload });
  return random.weighted<() => Framing>([
    [3, () => broken('with flipped bits', [flipped(random, whole)])],
    [2, () => broken('with a reserved opcode', [encodeFrame({ opcode: random.pick([3, 7, 11, 15]), payload })])],
    [
      2,
      () => broken('with reserved bits', [encodeFrame({ opcode: opcodes.text, payload, rsv: random.integer(1, 7) })]),
    ],
    [2, () => broken('unmasked', [encodeFrame({ opcode: opcodes.text, payload, masked: false })])],
    [2, () => broken('as a continuation of nothing', [encodeFrame({ opcode: opcodes.continuation, payload })])],
    [2, () => broken('inside of another message', [encodeFrame({ opcode: opcodes.text, payload, fin: false }), whole])],
    [1, () => broken('in fragments without an end', fragments(random, payload, 9, false).slice(0, -1))],
    [2, () => broken('as a fragmented ping', [encodeFrame({ opcode: opcodes.ping, payload: 'x', fin: false })])],
    [2, () => broken('as a ping that is too long', [encodeFrame({ opcode: opcodes.ping, payload: 'x'.repeat(126) })])],
    [
      2,
      () =>
        broken('with a length that is not its own', [
          encodeFrame({
            opcode: opcodes.text,
            payload,
            announcedLength: random.pick([0, 1, 125, 126, 65_536, 2 ** 31, 2 ** 53]),
            longForm: random.chance(0.5),
          }),
        ]),
    ],
    [2, () => broken('that is not UTF-8', [encodeFrame({ opcode: opcodes.text, payload: flipped(random, payload) })])],
    [3, () => broken('as a close frame', [closeFrame(random)])],
    [1, () => broken('as bytes of HTTP', [Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')])],
    [1, () => broken('cut in the middle', [whole.subarray(0, random.integer(1, whole.length))])],
  ])();
}

function closeFrame(random: Random): Buffer {
  const code = random.pick([0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1011, 1015, 2999, 3000, 4999, 5000, 65_535]);
  const reason = Buffer.from(random.chance(0.5) ? '' : oddString(random));
  const body = Buffer.alloc(2 + reason.length);
  body.writeUInt16BE(code);
  reason.copy(body, 2);
  return encodeFrame({
    opcode: opcodes.close,
    payload: random.chance(0.1) ? body.subarray(0, 1) : body.subarray(0, 125),
  });
}

/** The same message in fragments of random length, optionally with pings in between. */
function fragments(random: Random, payload: Buffer, count: number, withPings: boolean): Buffer[] {
  const cuts = Array.from({ length: count - 1 }, () => random.integer(0, payload.length)).sort((a, b) => a - b);
  const edges = [0, ...cuts, payload.length];
  return edges.slice(1).flatMap((end, index) => {
    const frame = encodeFrame({
      opcode: index === 0 ? opcodes.text : opcodes.continuation,
      payload: payload.subarray(edges[index], end),
      fin: index === count - 1,
    });
    return withPings && index > 0 ? [encodeFrame({ opcode: opcodes.ping, payload: 'p' }), frame] : [frame];
  });
}

function flipped(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let flips = random.integer(1, 4); flips > 0 && copy.length > 0; flips--) {
    const at = random.integer(0, random.chance(0.5) ? Math.min(13, copy.length - 1) : copy.length - 1);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.integer(0, 7));
  }
  return copy;
}

function allowed(what: string, frames: readonly Buffer[]): Framing {
  return { bytes: Buffer.concat(frames), what, mayEnd: false };
}

function broken(what: string, frames: readonly Buffer[]): Framing {
  return { bytes: Buffer.concat(frames), what, mayEnd: true };
}
