/** Level and pauses of the embedded voices. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { durationMs } from '../../src/audio/pcm.ts';
import { setLevel } from '../../src/engines/embedded/flite/loudness.ts';
import type { EngineSet } from '../../src/engines/spec/registry.ts';
import { say } from '../engines/speech.ts';
import { embeddedEngines } from '../support/embedded.ts';

const rateHz = 16_000;
const dbfs = (samples: Int16Array) => 20 * Math.log10(Math.max(1, ...Array.from(samples, Math.abs)) / 32_768);

function sine(amplitude: number): Int16Array {
  return Int16Array.from({ length: rateHz }, (_, at) => amplitude * Math.sin((2 * Math.PI * 220 * at) / rateHz));
}

test('a gain changes the level by its decibels, and the limiter keeps peaks below −1 dBFS', () => {
  const quiet = sine(1000);
  setLevel(quiet, rateHz, 6);
  assert.ok(Math.abs(dbfs(quiet) - 20 * Math.log10(1000 / 32_768) - 6) < 0.1);

  const loud = sine(2000);
  loud.set(sine(30_000).subarray(0, 400), 8000);
  setLevel(loud, rateHz, 9.3);
  assert.ok(dbfs(loud) < -1, `${dbfs(loud)} dBFS`);
  // Away from the peak the gain applies in full.
  assert.ok(Math.abs(dbfs(loud.subarray(0, 7000)) - 20 * Math.log10(2000 / 32_768) - 9.3) < 0.1);
});

let embedded: EngineSet;
before(async () => {
  embedded = await embeddedEngines();
});
after(() => embedded.close());

/** Durations of the silences (below −50 dBFS) inside speech, in milliseconds. */
function pausesIn(samples: Int16Array, sampleRateHz: number): number[] {
  const pauses: number[] = [];
  let silent = 0;
  for (const sample of samples) {
    if (Math.abs(sample) < 104) silent += 1;
    else {
      const ms = durationMs(silent, sampleRateHz);
      if (ms > 80) pauses.push(ms);
      silent = 0;
    }
  }
  return pauses;
}

for (const voice of ['alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', 'cedar']) {
  test(`${voice} pauses 250 to 350 ms after a sentence, less after a clause, and peaks below −1 dBFS`, async () => {
    const text = 'Dr. Smith opens the door. The room is dark, so nobody moves.';
    const { samples, sampleRateHz } = await say(embedded.engines.voice, text, { name: voice });
    const [sentence = 0, ...clauses] = pausesIn(samples, sampleRateHz).toSorted((a, b) => b - a);
    assert.ok(sentence >= 250 && sentence <= 350, `${sentence} ms after the sentence`);
    for (const clause of clauses) assert.ok(clause < 250, `${clause} ms`);
    assert.ok(dbfs(samples) < -1);
  });
}
