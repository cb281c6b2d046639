import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { durationMs } from '../../src/audio/pcm.ts';
import { Flite } from '../../src/engines/embedded/flite/flite.ts';
import { Moonshine } from '../../src/engines/embedded/moonshine/moonshine.ts';
import { hear, plainWords, say, type Utterance } from '../engines/speech.ts';

const flite = new Flite({ workers: 1 });
after(() => flite.close());

function assertInOrder(text: string, { words, samples }: Utterance): void {
  let char = 0;
  let ms = 0;
  for (const word of words) {
    assert.ok(word.startChar >= char && word.endChar > word.startChar && word.endChar <= text.length);
    assert.ok(word.startMs >= ms - 0.01 && word.endMs >= word.startMs, `${text}: ${JSON.stringify(word)} after ${ms}`);
    char = word.endChar;
    ms = word.endMs;
  }
  assert.ok(ms <= durationMs(samples.length, 16_000) + 0.01);
}

test('every word has its position in the text and its time', async () => {
  const text = 'Well,  I think the “second” one is better.';
  const speech = await say(flite, text);
  const words = speech.words.map(({ startChar, endChar }) => text.slice(startChar, endChar));
  assert.deepEqual(words, ['Well,', 'I', 'think', 'the', '“second”', 'one', 'is', 'better.']);
  assertInOrder(text, speech);
  assert.ok(speech.words.every(({ startMs, endMs }) => endMs - startMs > 20));
});

test('the audio up to the end of a word has the text up to it', async (t) => {
  const moonshine = new Moonshine({ workers: 1 });
  t.after(() => moonshine.close());
  const text = 'Please remind me to call my sister tomorrow morning and then water the plants.';
  const speech = await say(flite, text);
  for (const last of ['sister', 'morning']) {
    const word = speech.words.find(({ startChar, endChar }) => text.slice(startChar, endChar) === last);
    assert.ok(word);
    const samples = speech.samples.slice(0, word.endMs * 16);
    assert.equal(plainWords((await hear(moonshine, { samples, sampleRateHz: 16_000 })).text).at(-1), last);
  }
});

test('numbers, abbreviations, symbols and long texts keep their words in order', async () => {
  const texts = [
    'Dr. Smith paid $3.50 and £5 on 2023-11-05 at 10:30.',
    'See **the docs** at https://www.example.com/a?b=c, or mail me@foo.org!',
    'It is 3,000,000 km — give or take 5% — from U.S. soil.',
    'A sentence that goes on. '.repeat(30),
  ];
  for (const text of texts) {
    const speech = await say(flite, text);
    assertInOrder(text, speech);
    const last = speech.words.at(-1);
    assert.ok(last && last.endMs > durationMs(speech.samples.length, 16_000) * 0.8, text);
  }
});

test('text without words is silent', async () => {
  for (const text of ['', '   ', '...', '?!', '🙂👍', '—', '***', 'Привет, мир!', '你好', '\u0000\u0007', '[]()']) {
    assert.equal((await say(flite, text)).chunks.length, 0, JSON.stringify(text));
  }
});

test('unusual text is spoken without errors', async () => {
  const texts = [
    '-lv',
    '--help',
    '-o /etc/passwd',
    'mm-hmm',
    'café naïve',
    '🙂 yes 🙂',
    'a\u0000b',
    '<speak>hello</speak>',
    '# Heading\n* item\n`code`',
    'x'.repeat(150),
    '%s%n%d',
    "rock 'n' roll",
  ];
  for (const text of texts) assertInOrder(text, await say(flite, text));
  assert.ok((await say(flite, 'Still here.')).samples.length > 0);
});
