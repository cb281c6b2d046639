/** When `semantic_vad` ends a turn (docs/turn-taking.md). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import { endProbability, semanticPolicy } from '../../../src/session/turns/semantic-policy.ts';
import { type Client, newConversation } from '../../support/conversation.ts';
import { gate } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { input, marks, quiet, speech } from './support.ts';

const semantic = (eagerness = 'auto') => input({ turn_detection: { type: 'semantic_vad', eagerness } });
const voicedEndMs = 320 + 640;
const sentence = (silenceMs: number) => concatSamples([quiet(320), speech(640), quiet(silenceMs)]);

function silenceMs(client: Client): number {
  return client.last('input_audio_buffer.speech_stopped').audio_end_ms - voicedEndMs;
}

test('the silence depends on the eagerness, and on how likely the sentence has ended', async () => {
  verifies('R3.25');
  const most = { low: 8000, medium: 4000, high: 2000 };
  for (const [eagerness, mostMs] of Object.entries(most)) {
    let before = 0;
    for (const probability of [1, 0.8, 0.5, 0.2, 0]) {
      const { client, engines } = newConversation();
      engines.transcriber.hear = () => 'I saw him there';
      engines.transcriber.ends = () => probability;
      await client.say(semantic(eagerness));
      await client.speak(sentence(mostMs + 64));
      const waited = silenceMs(client);
      assert.ok(before <= waited && waited <= mostMs, `${eagerness}, ${probability}: ${before} ≤ ${waited}`);
      before = waited;
    }
    assert.ok(before > 0.9 * mostMs, `${before}`);
  }
});

test('a finished sentence ends half a second after its last word', async () => {
  const { client, engines } = newConversation();
  engines.transcriber.ends = () => 0.95;
  await client.say(semantic());
  await client.speak(sentence(512));
  assert.ok(silenceMs(client) <= 500, `${silenceMs(client)}`);
});

test('an unfinished sentence with a pause of a second stays one turn', async () => {
  const { client, engines } = newConversation();
  const texts = ['I would like to book a table for', 'I would like to book a table for four on Friday.'];
  engines.transcriber.hear = ({ samples }) => texts[samples.length > 1500 * 24 ? 1 : 0] ?? '';
  engines.transcriber.ends = (text) => (text.endsWith('.') ? 0.97 : 0.6);
  await client.say(semantic());
  await client.speak(concatSamples([sentence(1000), speech(960), quiet(700)]), 20);
  assert.equal(marks(client).length, 1);
  assert.equal(client.all('input_audio_buffer.speech_stopped').length, 1);
});

test('how audio is cut into appends and how long the transcriber takes make no difference to the turns', async () => {
  verifies('R3.23');
  const recording = concatSamples([
    sentence(700),
    speech(640),
    quiet(450),
    speech(320),
    quiet(1300),
    speech(500),
    quiet(4200),
  ]);
  const results: number[][][] = [];
  for (const chunkMs of [60_000, 200, 20]) {
    for (const tookMs of [0, 400, 1400]) {
      // Whether the assistant is audible depends on the Clock, and so does what interrupts it.
      const { client, engines, clock } = newConversation({ interruptBy: 'sound' });
      engines.transcriber.hear = async ({ samples }) => {
        if (tookMs > 0) await new Promise<void>((resolve) => clock.after(tookMs, resolve));
        return `${Math.round(samples.length / 768)} frames`;
      };
      engines.transcriber.ends = (text) => [0.97, 0.4, 0.9][Number.parseInt(text, 10) % 3] ?? 0;
      await client.say(semantic());
      const step = chunkMs * 24;
      for (let at = 0; at < recording.length; at += step) {
        await client.speak(recording.slice(at, at + step), chunkMs);
        await clock.advance(Math.min(chunkMs, 200));
      }
      await clock.advance(60_000);
      results.push(marks(client));
    }
  }
  assert.ok((results[0]?.length ?? 0) >= 2, JSON.stringify(results[0]));
  for (const result of results) assert.deepEqual(result, results[0]);
});

test('without words, and when they are late, the silence is that of an unknown end', async () => {
  for (const how of ['late', 'off', 'public', 'failed', 'blank'] as const) {
    const { client, engines, clock } = newConversation(how === 'off' ? { overlap: 'off' } : {});
    const { opened, open } = gate();
    if (how === 'public') Object.assign(engines.transcriber, { isPublic: true });
    engines.transcriber.hear = async () => {
      if (how === 'failed') throw new Error('no');
      if (how === 'late') await opened;
      return how === 'blank' ? '' : 'Hello.';
    };
    await client.say(semantic());
    await client.speak(sentence(1100));
    if (how === 'late') assert.equal(client.all('input_audio_buffer.speech_stopped').length, 0);
    await clock.advance(1500);
    assert.equal(silenceMs(client), 1002, how);
    open();
  }
});

test('the session ends while a turn waits for its words', async () => {
  const { client, engines, session, clock, log } = newConversation();
  engines.transcriber.hear = () => new Promise<string>(() => {});
  await client.say(semantic());
  await client.speak(sentence(900));
  session.close({ code: 1000, reason: '' });
  await clock.advance(60_000);
  assert.deepEqual(log.faults, []);
});

const unfinished = [
  'I would like to book a table for the',
  'Can you call my',
  'I was thinking, um',
  'My number is 5 5 5',
  'My number is five five five one',
  'It is spelled B A R',
  'We need milk, eggs,',
  'I went home because',
  'Well...',
];
const finished = [
  'What time is it?',
  'Where are you from?',
  'I think so.',
  'Call me at five.',
  'My number is 555 123 4567.',
  'It was in 1984.',
  'What is this?',
  'Yes.',
];

test('words that need others behind them, unfinished numbers, spellings and lists are unfinished turns', () => {
  // Of a comma, the transcriber has the probability of a final mark in its place.
  const endOf = (text: string) => (text.endsWith(',') ? 0.4 : 0.85);
  const probability = (text: string) => endProbability({ words: { text, endOfSentence: endOf(text) } }) ?? 0;
  for (const text of unfinished) assert.ok(probability(text) < 0.5, `${text} ${probability(text)}`);
  for (const text of finished) assert.ok(probability(text) > 0.6, `${text} ${probability(text)}`);
});

test('without a probability from the transcriber, the printed mark counts, but less', () => {
  const probability = (text: string, endOfSentence?: number) => endProbability({ words: { text, endOfSentence } }) ?? 0;
  assert.ok(probability('I saw him.') > probability('I saw him'));
  assert.ok(probability('I saw him.') < probability('I saw him.', 0.9));
  assert.ok(probability('我看见他了。') > 0.5);
});

test('a final fall of the pitch indicates the end, a level pitch the continuation', () => {
  const words = { text: 'I saw him there', endOfSentence: 0.6 };
  const wait = (pitchSemitones: number) =>
    semanticPolicy('medium').silenceMs({ words, prosody: { pitchSemitones, energyDb: -4 } });
  assert.ok(wait(-5) < wait(-2) && wait(-2) < wait(0));
});
