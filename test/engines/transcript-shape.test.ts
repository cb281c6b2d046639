import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { cutIntoWindows } from '../../src/engines/embedded/moonshine/clip-windows.ts';
import { WordWriter } from '../../src/engines/embedded/moonshine/word-writer.ts';
import { noise, silence } from './speech.ts';

/** Emits a text word by word like a decoder, until a loop is detected; `end` as called by the worker. */
function write(text: string): { written: string[]; loops: boolean } {
  const writer = new WordWriter();
  const written: string[] = [];
  const words = text.split(' ');
  let soFar = '';
  for (let count = 1; count <= words.length && !writer.loops; count++) {
    soFar = words.slice(0, count).join(' ');
    written.push(...writer.next(soFar));
  }
  const { loops } = writer;
  written.push(...writer.end(soFar));
  return { written, loops };
}

test('ordinary speech is transcribed in full, including repeated words', () => {
  for (const text of [
    'Hello.',
    'No, no, that is not it.',
    'It is very very very good.',
    'New York, New York, so good.',
  ]) {
    assert.deepEqual(write(text), { written: text.split(' '), loops: false });
  }
});

test('an endlessly repeated word is transcribed once, after the loop is detected', () => {
  assert.deepEqual(write('No, no, no, no, no, no, no, no, no, no.'), { written: ['No,'], loops: true });
  const writer = new WordWriter();
  for (const text of ['No,', 'No, no,', 'No, no, no,']) assert.deepEqual(writer.next(text), []);
  assert.ok(writer.isEmpty);
});

test('an endlessly repeated phrase is transcribed about once', () => {
  const { written, loops } = write(`We went ${'to the shop and '.repeat(9)}home`);
  assert.ok(loops);
  assert.deepEqual(written.slice(0, 6), ['We', 'went', 'to', 'the', 'shop', 'and']);
  assert.ok(written.length <= 9, written.join(' '));
});

test('long clips are split at quiet places, without loss', () => {
  const clip = concatSamples([
    noise(16_000, 9000),
    silence(300),
    noise(16_000, 9000),
    silence(300),
    noise(9_000, 9000),
  ]);
  const windows = [...cutIntoWindows({ samples: clip, sampleRateHz: 16_000 })];
  assert.deepEqual(concatSamples(windows), clip);
  assert.equal(windows.length, 3);
  for (const window of windows) {
    assert.ok(window.length <= 20 * 16_000);
    assert.ok(window === windows.at(-1) || window.subarray(-800).every((sample) => sample === 0));
  }
});

test('a clip without a quiet position is still split', () => {
  const windows = [...cutIntoWindows({ samples: noise(65_000, 9000), sampleRateHz: 16_000 })];
  assert.ok(windows.length >= 4 && windows.every((window) => window.length <= 20 * 16_000 && window.length > 0));
});
