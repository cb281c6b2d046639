import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { createResampler, resample } from '../../src/audio/resample.ts';

function tone(frequencyHz: number, sampleRateHz: number, seconds: number): Int16Array {
  const angle = (2 * Math.PI * frequencyHz) / sampleRateHz;
  return Int16Array.from({ length: sampleRateHz * seconds }, (_, i) => Math.round(12000 * Math.sin(angle * i)));
}

async function inChunks(samples: Int16Array, chunk: number, fromHz: number, toHz: number): Promise<Int16Array> {
  const resampler = await createResampler(fromHz, toHz);
  const parts: Int16Array[] = [];
  for (let at = 0; at < samples.length; at += chunk) parts.push(resampler.push(samples.subarray(at, at + chunk)));
  parts.push(resampler.flush());
  resampler.free();
  return concatSamples(parts);
}

function meanDifference(a: Int16Array, b: Int16Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / a.length;
}

for (const [fromHz, toHz] of [
  [24000, 16000],
  [8000, 16000],
  [16000, 24000],
  [16000, 8000],
  [48000, 8000],
] as const) {
  test(`${fromHz} to ${toHz} Hz: the chunking of audio does not affect the result`, async () => {
    // A chirp with full-scale steps in it, so that every sample differs from its neighbours.
    const input = Int16Array.from(
      { length: 9001 },
      (_, i) => Math.round(20000 * Math.sin(i * i * 0.0001)) + (i % 7) * 900,
    );
    const whole = await inChunks(input, input.length, fromHz, toHz);
    assert.equal(whole.length, Math.ceil((input.length * toHz) / fromHz));
    for (const chunk of [1, 7, 160, 480]) {
      assert.deepEqual(await inChunks(input, chunk, fromHz, toHz), whole, `chunks of ${chunk}`);
    }
  });

  test(`${fromHz} to ${toHz} Hz: a tone keeps its pitch, level and phase`, async () => {
    const output = await resample({ samples: tone(700, fromHz, 0.5), sampleRateHz: fromHz }, toHz);
    const ideal = tone(700, toHz, 0.5);
    assert.equal(output.samples.length, ideal.length);
    const middle = output.samples.subarray(400, -400);
    assert.ok(meanDifference(middle, ideal.subarray(400, -400)) < 60);
  });
}

test("frequencies above the lower rate's limit are removed, not aliased", async () => {
  const output = await resample({ samples: tone(6500, 24000, 0.5), sampleRateHz: 24000 }, 8000);
  const loudest = output.samples.subarray(200, -200).reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  assert.ok(loudest < 60, `peak ${loudest}`);
});

test('resamplers are independent, and restart after a flush', async () => {
  const input = tone(500, 24000, 0.1);
  const alone = await inChunks(input, input.length, 24000, 16000);
  const a = await createResampler(24000, 16000);
  const b = await createResampler(24000, 16000);
  const fromA: Int16Array[] = [];
  for (let at = 0; at < input.length; at += 100) {
    fromA.push(a.push(input.subarray(at, at + 100)));
    b.push(tone(3000, 24000, 0.01));
  }
  fromA.push(a.flush());
  assert.deepEqual(concatSamples(fromA), alone);
  assert.deepEqual(concatSamples([a.push(input), a.flush()]), alone);
  a.free();
  b.free();
});

test('equal rates copy; empty input yields nothing', async () => {
  const same = await createResampler(16000, 16000);
  const input = Int16Array.of(1, 2, 3);
  const output = same.push(input);
  assert.deepEqual(output, input);
  assert.notEqual(output.buffer, input.buffer);
  const other = await createResampler(16000, 8000);
  assert.equal(other.push(new Int16Array(0)).length + other.flush().length, 0);
  other.free();
});

test('impossible rates and use after free are refused', async () => {
  await assert.rejects(createResampler(0, 16000), /between 8000 and 384000, got 0/);
  await assert.rejects(createResampler(16000, 22050.5), RangeError);
  const resampler = await createResampler(16000, 8000);
  resampler.free();
  resampler.free();
  assert.throws(() => resampler.push(new Int16Array(1)), /freed/);
});

test('without alignment, whole input frames yield whole output frames immediately', async () => {
  for (const [fromHz, frame] of [
    [24000, 768],
    [8000, 256],
    [48000, 1536],
  ] as const) {
    const resampler = await createResampler(fromHz, 16000, { align: false });
    for (let i = 0; i < 5; i++) assert.equal(resampler.push(tone(300, fromHz, frame / fromHz)).length, 512);
    resampler.free();
  }
});
