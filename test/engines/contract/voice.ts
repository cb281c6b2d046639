/** The contract of every voice. An engine's test calls `voiceContract` with a factory. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { AudioClip } from '../../../src/audio/audio-clip.ts';
import { concatSamples, durationMs, rmsDbfs, samplesIn } from '../../../src/audio/pcm.ts';
import type { SpeechChunk, Voice } from '../../../src/session/ports/voice.ts';
import { isTellingError } from './language-model.ts';
import {
  bearsALateAbort,
  letsItsConsumerLeave,
  refusesWhenAborted,
  type Start,
  stopsBetweenEvents,
  stopsWhileWaiting,
} from './promptness.ts';

export interface VoiceSubject {
  open(t: TestContext): Promise<Voice> | Voice;
  /** Creates a voice that fails, for example because its server is closed. Absent if it cannot fail. */
  broken?(t: TestContext): Promise<Voice> | Voice;
  /** Whether it speaks any language; false means English only. */
  anyLanguage: boolean;
}

/** A short silence before and after speech is allowed. */
const trimmedMs = 150;
/** Allowed silence after a sentence. */
const longestPauseMs = 350;
const sentence = 'The quick brown fox jumps over the lazy dog.';

export function voiceContract(name: string, subject: VoiceSubject): void {
  const speaking =
    (voice: Voice, text: string): Start<SpeechChunk> =>
    (signal) =>
      voice.speak(text, { voice: 'alloy', speed: 1, signal });

  describe(`${name} fulfils the contract of a voice`, () => {
    test('it yields audio at one rate, without silence around it', async (t) => {
      const { samples, sampleRateHz } = await speech(await subject.open(t), sentence);
      assert.ok(durationMs(samples.length, sampleRateHz) > 500);
      const [start, end] = [samplesIn(trimmedMs, sampleRateHz), samplesIn(longestPauseMs, sampleRateHz)];
      assert.ok(rmsDbfs(samples.subarray(0, start)) > -60, 'it begins with silence');
      assert.ok(rmsDbfs(samples.subarray(-end)) > -60, 'it ends with more silence than the pause after a sentence');
    });

    test('text without words yields nothing', async (t) => {
      const voice = await subject.open(t);
      for (const text of ['', ' ', '\n', '…', '—!?', '🎉']) {
        assert.deepEqual(await chunks(voice, text), [], JSON.stringify(text));
      }
    });

    test('long text is spoken completely', async (t) => {
      const voice = await subject.open(t);
      const once = await speech(voice, sentence);
      const long = await speech(voice, Array.from({ length: 30 }, () => sentence).join(' '));
      assert.ok(long.samples.length > 20 * once.samples.length);
    });

    test('characters of all kinds are accepted', async (t) => {
      const voice = await subject.open(t);
      for (const text of [
        'Café, naïve.',
        'Привет.',
        '日本語です。',
        'مرحبا',
        'Hi 👩‍👩‍👧!',
        'a\u0000b',
        '\ud83d half',
      ]) {
        const made = await chunks(voice, text);
        if (subject.anyLanguage) assert.notEqual(made.length, 0, text);
      }
    });

    test('an unknown voice name results in some voice or an Error', async (t) => {
      const voice = await subject.open(t);
      const options = { voice: 'voice_of_nobody', speed: 1, signal: new AbortController().signal };
      const made = Array.fromAsync(voice.speak('Hello.', options));
      await made.then(assertSound, (error: unknown) => assert.ok(error instanceof Error));
    });

    test('faster speech is shorter', async (t) => {
      const voice = await subject.open(t);
      const slow = await speech(voice, sentence, 0.75);
      const fast = await speech(voice, sentence, 1.5);
      assert.ok(fast.samples.length < slow.samples.length);
    });

    test('word timings, if any, are in order and within the audio', async (t) => {
      const voice = await subject.open(t);
      const made = await chunks(voice, sentence);
      const spokenMs = made.reduce((sum, chunk) => sum + durationMs(chunk.samples.length, chunk.sampleRateHz), 0);
      let endChar = 0;
      for (const word of made.flatMap(({ words = [] }) => words)) {
        assert.ok(word.startChar >= endChar && word.endChar > word.startChar && word.endChar <= sentence.length);
        assert.ok(word.startMs >= 0 && word.endMs >= word.startMs && word.endMs <= spokenMs + trimmedMs);
        endChar = word.endChar;
      }
    });

    test('concurrent clauses yield the same audio as single ones', async (t) => {
      const voice = await subject.open(t);
      const clauses = ['One.', 'One and two.', 'One and two and three.', 'One and two and three and four.'];
      const alone: AudioClip[] = [];
      for (const clause of clauses) alone.push(await speech(voice, clause));
      const together = await Promise.all(clauses.map((clause) => speech(voice, clause)));
      const lengths = (clips: AudioClip[]) => clips.map((clip) => durationMs(clip.samples.length, clip.sampleRateHz));
      for (const [index, ms] of lengths(together).entries()) {
        const before = lengths(alone)[index] ?? 0;
        assert.ok(Math.abs(ms - before) <= before / 2, `"${clauses[index]}" took ${ms} ms, alone ${before} ms`);
      }
    });

    test('aborted before it begins, it throws the reason and yields nothing', async (t) => {
      await refusesWhenAborted(speaking(await subject.open(t), sentence));
    });

    test('aborted during a wait, it throws the reason immediately', async (t) => {
      await stopsWhileWaiting(speaking(await subject.open(t), sentence));
    });

    test('aborted between two chunks, it yields nothing more', async (t) => {
      await stopsBetweenEvents(speaking(await subject.open(t), `${sentence} `.repeat(12)));
    });

    test('the consumer may stop iterating', async (t) => {
      await letsItsConsumerLeave(speaking(await subject.open(t), `${sentence} `.repeat(12)));
    });

    test('an abort after the last chunk changes nothing', async (t) => {
      await bearsALateAbort(speaking(await subject.open(t), sentence));
    });

    const { broken } = subject;
    if (broken) {
      test('a failure is an Error with a message', async (t) => {
        await assert.rejects(speech(await broken(t), sentence), isTellingError);
      });
    }
  });
}

export function chunks(voice: Voice, text: string, speed = 1): Promise<SpeechChunk[]> {
  return Array.fromAsync(voice.speak(text, { voice: 'alloy', speed, signal: new AbortController().signal }));
}

/** The complete audio of a text, checked to be non-empty and of one rate. */
export async function speech(voice: Voice, text: string, speed = 1): Promise<AudioClip> {
  const made = await chunks(voice, text, speed);
  assertSound(made);
  return { samples: concatSamples(made.map(({ samples }) => samples)), sampleRateHz: made[0]?.sampleRateHz ?? 0 };
}

function assertSound(made: readonly SpeechChunk[]): void {
  assert.ok(made.length > 0, 'nothing was said');
  assert.equal(new Set(made.map(({ sampleRateHz }) => sampleRateHz)).size, 1, 'the rate changes within a clause');
  assert.ok(
    made.some(({ samples }) => samples.some((sample) => sample !== 0)),
    'only silence was said',
  );
}
