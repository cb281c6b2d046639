/** SECURITY.md, "a client breaks the WebSocket protocol": only its own connection is closed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import { encodeFrame, opcodes } from '../../dev/harness/websocket-frames.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { verifies } from '../support/verifies.ts';
import { underAttack } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
const event = JSON.stringify({ type: 'input_audio_buffer.clear' });
const hour = 60 * 60_000;

test('a message with too many fragments closes its connection', async (t) => {
  verifies('R1.18');
  await underAttack(t, { config: { limits: { frameFragments: 64 } } }, async (scene) => {
    const attackers = await Promise.all(Array.from({ length: 20 }, () => scene.webSocket()));
    for (const attacker of attackers) {
      attacker.write(encodeFrame({ opcode: opcodes.text, payload: '{', fin: false }));
      for (let sent = 0; sent < 200; sent++) {
        attacker.write(encodeFrame({ opcode: opcodes.continuation, payload: ' ', fin: false }));
        attacker.write(encodeFrame({ opcode: opcodes.ping, payload: 'still here' }));
      }
    }
    await scene.bystanderTurn();
    for (const attacker of attackers) assert.equal((await attacker.closed).code, 1008);
  });
});

test('a fragmented message above the maximum size closes its connection before it is complete', async (t) => {
  verifies('R1.18');
  await underAttack(t, { config: { limits: { frameBytes: mebibyte } } }, async (scene) => {
    const attackers = await Promise.all(Array.from({ length: 8 }, () => scene.webSocket()));
    const piece = Buffer.alloc(64 * 1024, ' ');
    for (const attacker of attackers) {
      attacker.write(encodeFrame({ opcode: opcodes.text, payload: '{', fin: false }));
      for (let sent = 0; sent < 32; sent++) {
        attacker.write(encodeFrame({ opcode: opcodes.continuation, payload: piece, fin: false }));
      }
    }
    await scene.bystanderTurn();
    for (const attacker of attackers) assert.equal((await attacker.closed).code, 1009);
  });
});

test('a frame that declares an excessive length is refused by its header', async (t) => {
  verifies('R1.18');
  await underAttack(t, {}, async (scene) => {
    await scene.waves(async () => {
      for (const announcedLength of [2 ** 26, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
        const attacker = await scene.webSocket();
        attacker.write(encodeFrame({ opcode: opcodes.text, announcedLength }));
        assert.equal((await attacker.closed).code, 1009);
      }
    });
  });
});

test('a first message that arrives too slowly closes its connection after a timeout', async (t) => {
  verifies('R1.21');
  const clock = new FakeClock();
  const config = { limits: { messageTimeoutMs: 30_000, pingIntervalMs: hour, deadPeerMs: hour } };
  await underAttack(t, { clock, config }, async (scene) => {
    const attackers = await Promise.all(Array.from({ length: 20 }, () => scene.webSocket()));
    const frame = encodeFrame({ opcode: opcodes.text, payload: event.padEnd(120) });
    for (let at = 0; at < 20; at++) {
      for (const attacker of attackers) attacker.write(frame.subarray(at, at + 1));
      await clock.advance(1000);
    }
    await scene.bystanderTurn();
    await clock.advance(31_000);
    const ends = await Promise.all(attackers.map(({ closed }) => closed));
    assert.ok(ends.every(({ code, reason }) => code === 1008 && reason.endsWith('message_timeout')));
  });
});

test('compression is never negotiated, and compressed frames are refused', async (t) => {
  verifies('R1.18');
  await underAttack(t, {}, async (scene) => {
    const bomb = deflateRawSync(Buffer.alloc(64 * mebibyte, ' '));
    const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits';
    await scene.waves(async () => {
      const attacker = await scene.webSocket({ headers: [offer] });
      assert.equal((await attacker.head).headers.get('sec-websocket-extensions'), undefined);
      attacker.write(encodeFrame({ opcode: opcodes.text, payload: bomb, rsv: 4 }));
      assert.equal((await attacker.closed).code, 1002);
    });
  });
});

const broken: [name: string, bytes: Buffer, code: number][] = [
  ['an unmasked frame', encodeFrame({ opcode: opcodes.text, payload: event, masked: false }), 1002],
  ['a reserved opcode', encodeFrame({ opcode: 3, payload: event }), 1002],
  ['a continuation of nothing', encodeFrame({ opcode: opcodes.continuation, payload: event }), 1002],
  ['a fragmented ping', encodeFrame({ opcode: opcodes.ping, payload: 'x', fin: false }), 1002],
  ['a ping of 126 bytes', encodeFrame({ opcode: opcodes.ping, payload: 'x'.repeat(126) }), 1002],
  ['a close code that may not be sent', encodeFrame({ opcode: opcodes.close, payload: Buffer.from([3, 238]) }), 1002],
  ['text that is not UTF-8', encodeFrame({ opcode: opcodes.text, payload: Buffer.from([34, 255, 34]) }), 1007],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 1002],
];

test('invalid frames close their connection with the matching close code', async (t) => {
  verifies('R1.18');
  await underAttack(t, {}, async (scene) => {
    await scene.waves(async () => {
      for (const [name, bytes, code] of broken) {
        const attacker = await scene.webSocket();
        attacker.write(bytes);
        assert.equal((await attacker.closed).code, code, name);
      }
    });
  });
});

test('data behind a broken frame is dropped, and only its own connection is closed', async (t) => {
  verifies('R1.18');
  const manyFrames = Buffer.concat(Array<Buffer>(3000).fill(encodeFrame({ opcode: opcodes.pong, payload: '' })));
  await underAttack(t, {}, async (scene) => {
    for (const [name, bytes, code] of broken) {
      const attacker = await scene.webSocket();
      // Each frame takes one turn of the event loop, so the later ones are still queued after the first.
      for (const chunk of [manyFrames, bytes, Buffer.alloc(1000, 0x81)]) {
        attacker.write(chunk);
        for (let turns = 0; turns < 10; turns++) await setImmediate();
      }
      assert.equal((await attacker.closed).code, code, name);
    }
  });
});
