import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytesToSamples,
  concatInTurns,
  concatSamples,
  durationMs,
  peakDbfs,
  rmsDbfs,
  samplesIn,
  samplesToBytes,
  toFloat32,
} from '../../src/audio/pcm.ts';

test('little-endian bytes become samples at any alignment', () => {
  const bytes = Buffer.from([0xee, 0x01, 0x00, 0xff, 0x7f, 0x00, 0x80]);
  assert.deepEqual([...bytesToSamples(bytes.subarray(1))], [1, 32767, -32768]);
});

test('samples survive the way to bytes and back', () => {
  const samples = Int16Array.of(0, 1, -1, 32767, -32768);
  const bytes = samplesToBytes(samples);
  assert.deepEqual([...bytes.subarray(2, 4)], [1, 0]);
  assert.deepEqual(bytesToSamples(bytes), samples);
});

test('samples do not share memory with their source bytes', () => {
  const bytes = Uint8Array.of(1, 0);
  const samples = bytesToSamples(bytes);
  bytes[0] = 9;
  assert.equal(samples[0], 1);
});

test('half a sample is refused', () => {
  assert.throws(() => bytesToSamples(new Uint8Array(3)), /even number of bytes, got 3/);
});

test('floats are samples divided by 32768', () => {
  assert.deepEqual([...toFloat32(Int16Array.of(-32768, 16384, 1))], [-1, 0.5, 1 / 32768]);
});

test('lengths and levels', () => {
  assert.equal(durationMs(480, 24000), 20);
  assert.equal(samplesIn(20, 24000), 480);
  assert.deepEqual([...concatSamples([Int16Array.of(1), new Int16Array(0), Int16Array.of(2, 3)])], [1, 2, 3]);
  assert.equal(rmsDbfs(new Int16Array(10)), -Infinity);
  assert.equal(rmsDbfs(new Int16Array(0)), -Infinity);
  assert.ok(Math.abs(rmsDbfs(Int16Array.of(16384, -16384)) + 6.02) < 0.01);
  assert.ok(Math.abs(peakDbfs(Int16Array.of(0, -3277)) + 20) < 0.01);
});

test('long parts are joined over several turns of the event loop, short ones in one', async () => {
  const turnsOf = async (parts: readonly Int16Array[]) => {
    let turns = 0;
    let over = false;
    const count = () => {
      if (over) return;
      turns += 1;
      setImmediate(count);
    };
    setImmediate(count);
    assert.deepEqual(await concatInTurns(parts), concatSamples(parts));
    over = true;
    return turns;
  };
  const part = Int16Array.from({ length: 64 * 1024 }, (_, index) => index);
  assert.equal(await turnsOf([part, Int16Array.of(1, 2), part]), 0);
  assert.ok((await turnsOf(Array.from({ length: 64 }, () => part))) >= 7);
});
