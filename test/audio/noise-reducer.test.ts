import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNoiseReducer, noiseReducerDelayMs } from '../../src/audio/noise-reducer.ts';
import { concatSamples, rmsDbfs } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { Flite } from '../../src/engines/embedded/flite/flite.ts';
import { noise, say, silence } from '../engines/speech.ts';

const flite = new Flite({ workers: 1 });
/** A second of silence, speech, a second of silence, at 16 kHz. */
let speech: Int16Array;

before(async () => {
  const { samples } = await say(flite, 'Could you tell me when the next train leaves for the city?');
  speech = concatSamples([silence(1000), samples, silence(1000)]);
});

after(() => flite.close());

async function at(sampleRateHz: number): Promise<Int16Array> {
  return (await resample({ samples: speech, sampleRateHz: 16_000 }, sampleRateHz)).samples;
}

async function reduce(samples: Int16Array, sampleRateHz: number, { strength = 1, chunk = samples.length } = {}) {
  const reducer = await createNoiseReducer(sampleRateHz);
  reducer.strength = strength;
  const parts: Int16Array[] = [];
  let pushed = 0;
  let reduced = 0;
  for (; pushed < samples.length; pushed += chunk) {
    const part = reducer.push(samples.subarray(pushed, pushed + chunk));
    reduced += part.length;
    const missing = Math.min(pushed + chunk, samples.length) - reduced;
    assert.ok(missing <= (noiseReducerDelayMs / 1000) * sampleRateHz, `${missing} samples are missing`);
    parts.push(part);
  }
  reducer.free();
  return concatSamples(parts);
}

/** The shift in samples, within 2 ms, at which `b` resembles `a` most. */
function shift(a: Int16Array, b: Int16Array, sampleRateHz: number): number {
  const longest = Math.round(sampleRateHz * 0.002);
  const correlation = (lag: number) => {
    let sum = 0;
    for (let i = longest; i < b.length - longest; i++) sum += (a[i] ?? 0) * (b[i + lag] ?? 0);
    return sum;
  };
  const lags = Array.from({ length: 2 * longest + 1 }, (_, i) => i - longest);
  const best = Math.max(...lags.map(correlation));
  return lags.find((lag) => correlation(lag) === best) ?? Number.NaN;
}

for (const sampleRateHz of [8000, 16_000, 24_000, 48_000]) {
  test(`at ${sampleRateHz} Hz, speech keeps its position and level, in chunks of any size`, async () => {
    const clean = await at(sampleRateHz);
    const reduced = await reduce(clean, sampleRateHz);
    // RNNoise's high-pass filter advances low frequencies a little.
    assert.ok(Math.abs(shift(clean, reduced, sampleRateHz)) <= sampleRateHz / 8000);
    assert.ok(Math.abs(rmsDbfs(reduced) - rmsDbfs(clean)) < 2, `${rmsDbfs(clean)} dBFS became ${rmsDbfs(reduced)}`);
    for (const chunk of [sampleRateHz / 50, 777]) {
      assert.deepEqual(await reduce(clean, sampleRateHz, { chunk }), reduced);
    }
  });
}

test('noise is reduced by its strength', async () => {
  const hiss = noise(3000, 1500);
  const level = rmsDbfs(hiss.subarray(16_000));
  const after = async (strength: number) => rmsDbfs((await reduce(hiss, 16_000, { strength })).subarray(16_000));
  assert.ok((await after(1)) < level - 15, `${await after(1)} dBFS`);
  const half = await after(0.5);
  assert.ok(Math.abs(half - (level - 6)) < 2, `half strength: ${half} dBFS after ${level}`);
  assert.ok(Math.abs((await after(0)) - level) < 2, 'without strength');
});
