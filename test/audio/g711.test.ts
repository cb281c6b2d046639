import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '../../src/audio/g711.ts';

function sine(amplitude: number): Int16Array {
  return Int16Array.from({ length: 8000 }, (_, i) => Math.round(amplitude * Math.sin((2 * Math.PI * 1004 * i) / 8000)));
}

function signalToNoiseDb(original: Int16Array, copy: Int16Array): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < original.length; i++) {
    const value = original[i] ?? 0;
    signal += value ** 2;
    noise += (value - (copy[i] ?? 0)) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

test('µ-law has the code points of G.711', () => {
  const known: [code: number, sample: number][] = [
    [0x00, -32124],
    [0x80, 32124],
    [0x7f, 0],
    [0xff, 0],
    [0xfe, 8],
    [0x7e, -8],
    [0xef, 132],
    [0x8f, 16764],
  ];
  for (const [code, sample] of known) assert.equal(decodeMulaw(Uint8Array.of(code))[0], sample, `code ${code}`);
  assert.deepEqual([...encodeMulaw(Int16Array.of(0, 32767, -32768, 8, -8))], [0xff, 0x80, 0x00, 0xfe, 0x7e]);
});

test('A-law has the code points of G.711', () => {
  const known: [code: number, sample: number][] = [
    [0xd5, 8],
    [0x55, -8],
    [0xaa, 32256],
    [0x2a, -32256],
    [0xc5, 264],
    [0x80, 5504],
  ];
  for (const [code, sample] of known) assert.equal(decodeAlaw(Uint8Array.of(code))[0], sample, `code ${code}`);
  assert.deepEqual([...encodeAlaw(Int16Array.of(0, -1, 32767, -32768))], [0xd5, 0x55, 0xaa, 0x2a]);
});

for (const [law, encode, decode] of [
  ['µ-law', encodeMulaw, decodeMulaw],
  ['A-law', encodeAlaw, decodeAlaw],
] as const) {
  test(`every ${law} code survives decoding and encoding`, () => {
    const codes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const samples = decode(codes);
    assert.deepEqual(decode(encode(samples)), samples);
  });

  test(`${law} is off by half a step at most: a thirty-second of the sample, or 8`, () => {
    for (let sample = -32000; sample <= 32000; sample++) {
      const chosen = decode(encode(Int16Array.of(sample)))[0] ?? 0;
      const halfStep = Math.max(8, (Math.abs(sample) + 132) / 32);
      assert.ok(Math.abs(chosen - sample) <= halfStep, `${sample} became ${chosen}`);
    }
  });

  test(`${law} keeps a tone 36 dB above its noise, loud or soft`, () => {
    for (const amplitude of [20000, 2000]) {
      const tone = sine(amplitude);
      assert.ok(signalToNoiseDb(tone, decode(encode(tone))) > 36);
    }
  });
}
