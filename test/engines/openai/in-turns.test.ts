/** Request bodies are encoded over turns of the event loop, with the same result as in one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeWav } from '../../../src/audio/wav.ts';
import { base64Wav, jsonBytes, wavFile } from '../../../src/engines/openai/in-turns.ts';

const mebibyte = 1024 ** 2;

/** The number of turns of the event loop until a promise settles. */
async function turnsOf<T>(promise: Promise<T>): Promise<{ result: T; turns: number }> {
  let turns = 0;
  let over = false;
  const count = () => {
    turns += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  const result = await promise;
  over = true;
  return { result, turns };
}

test('long audio is encoded as a WAV file in base64 over many turns', async () => {
  const samples = Int16Array.from({ length: 2 * mebibyte + 1 }, (_, index) => index * 7919);
  const clip = { samples, sampleRateHz: 24_000 };
  const { result, turns } = await turnsOf(base64Wav(clip));
  assert.ok(result === Buffer.from(writeWav(clip)).toString('base64'));
  assert.ok(turns >= 20, `${turns} turns`);
  for (const length of [0, 1, 2, 3]) {
    const short = { samples: samples.subarray(5, 5 + length), sampleRateHz: 8000 };
    assert.equal(await base64Wav(short), Buffer.from(writeWav(short)).toString('base64'));
  }
});

test('a long request is encoded as UTF-8 JSON over many turns', async () => {
  const value = { model: 'm', messages: [{ content: '"世💥'.repeat(mebibyte) }, { content: null }], stream: true };
  const { result, turns } = await turnsOf(jsonBytes(value));
  assert.ok(Buffer.from(result).equals(Buffer.from(JSON.stringify(value))));
  assert.ok(turns >= 30, `${turns} turns`);
});

test('a form with long audio is encoded over many turns', async () => {
  const samples = Int16Array.from({ length: 4 * mebibyte + 1 }, (_, index) => index * 7919);
  const clip = { samples, sampleRateHz: 16_000 };
  const { result, turns } = await turnsOf(wavFile(clip));
  assert.ok(Buffer.from(await result.arrayBuffer()).equals(writeWav(clip)));
  assert.ok(turns >= 16, `${turns} turns`);
});
