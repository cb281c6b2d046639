/** What every transcriber must do. An engine's own test calls `transcriberContract` with how to make one. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { AudioClip } from '../../../src/audio/audio-clip.ts';
import { concatSamples, samplesIn } from '../../../src/audio/pcm.ts';
import { resample } from '../../../src/audio/resample.ts';
import type { Transcriber, TranscriptEvent } from '../../../src/session/ports/transcriber.ts';
import { plainWords } from '../speech.ts';
import { isTellingError } from './language-model.ts';
import {
  bearsALateAbort,
  letsItsConsumerLeave,
  refusesWhenAborted,
  type Start,
  stopsBetweenEvents,
  stopsWhileWaiting,
} from './promptness.ts';

export interface TranscriberSubject {
  open(t: TestContext): Promise<Transcriber> | Transcriber;
  /** One that cannot: its server is gone, its script throws. Absent: it cannot fail. */
  broken?(t: TestContext): Promise<Transcriber> | Transcriber;
  /** A clip of a few words, and the words; `index` asks for different ones (0…3). */
  clip(index: number): Promise<SpokenClip> | SpokenClip;
}

export interface SpokenClip extends AudioClip {
  words: string;
}

type Done = Extract<TranscriptEvent, { type: 'done' }>;

export function transcriberContract(name: string, subject: TranscriberSubject): void {
  const hearing =
    (transcriber: Transcriber, clip: AudioClip): Start<TranscriptEvent> =>
    (signal) =>
      transcriber.transcribe(clip, { signal });

  describe(`${name} keeps the contract of a transcriber`, () => {
    test('it hears words: any number of deltas, then one done that says the same', async (t) => {
      const clip = await subject.clip(0);
      const { text } = await transcript(await subject.open(t), clip);
      assert.deepEqual(plainWords(text), plainWords(clip.words));
    });

    test('nothing is heard in no audio at all', async (t) => {
      const { text } = await transcript(await subject.open(t), { samples: new Int16Array(0), sampleRateHz: 24_000 });
      assert.equal(text, '');
    });

    test('a moment of silence is no error', async (t) => {
      const transcriber = await subject.open(t);
      for (const ms of [1, 20, 1500]) {
        const { text } = await transcript(transcriber, {
          samples: new Int16Array(samplesIn(ms, 24_000)),
          sampleRateHz: 24_000,
        });
        assert.equal(text, text.trim());
      }
    });

    test('audio of any rate is taken', async (t) => {
      const transcriber = await subject.open(t);
      const clip = await subject.clip(0);
      for (const rate of [11_025, 24_000, 48_000]) {
        const { text } = await transcript(transcriber, await resample(clip, rate));
        assert.deepEqual(plainWords(text), plainWords(clip.words), `at ${rate} Hz`);
      }
    });

    test('a long clip is heard to its end', async (t) => {
      const clip = await subject.clip(0);
      const pause = new Int16Array(samplesIn(1000, clip.sampleRateHz));
      const turn = concatSamples([clip.samples, pause]);
      const times = Math.ceil((40 * clip.sampleRateHz) / turn.length);
      const samples = concatSamples(Array.from({ length: times }, () => turn));
      const { text } = await transcript(await subject.open(t), { ...clip, samples });
      assert.notEqual(text, '');
    });

    test('the clip that it is given stays as it is', async (t) => {
      const clip = await subject.clip(0);
      const before = clip.samples.slice();
      await transcript(await subject.open(t), clip);
      assert.deepEqual(clip.samples, before);
    });

    test('clips at the same time each get the words that they get alone', async (t) => {
      const transcriber = await subject.open(t);
      const clips = await Promise.all([0, 1, 2, 3].map((index) => subject.clip(index)));
      const alone: string[] = [];
      for (const clip of clips) alone.push((await transcript(transcriber, clip)).text);
      const together = await Promise.all(clips.map((clip) => transcript(transcriber, clip)));
      assert.equal(new Set(alone).size, clips.length);
      assert.deepEqual(
        together.map(({ text }) => text),
        alone,
      );
    });

    test('what it knows of its certainty are probabilities', async (t) => {
      const clip = await subject.clip(0);
      const transcriber = await subject.open(t);
      const events = transcriber.transcribe(clip, { logprobs: true, signal: new AbortController().signal });
      const done = (await Array.fromAsync(events)).find((event): event is Done => event.type === 'done');
      for (const probability of [done?.confidence, done?.endOfSentence]) {
        assert.ok(probability === undefined || (probability >= 0 && probability <= 1));
      }
      for (const { token, logprob, bytes } of done?.logprobs ?? []) {
        assert.ok(logprob <= 0);
        assert.equal(Buffer.from(bytes).toString(), token);
      }
    });

    test('aborted before it begins, it throws the reason and yields nothing', async (t) => {
      await refusesWhenAborted(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('aborted while somebody waits, it throws the reason at once', async (t) => {
      await stopsWhileWaiting(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('aborted between two events, it yields nothing more', async (t) => {
      await stopsBetweenEvents(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('its consumer may leave', async (t) => {
      await letsItsConsumerLeave(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('an abort after the last event changes nothing', async (t) => {
      await bearsALateAbort(hearing(await subject.open(t), await subject.clip(0)));
    });

    const { broken } = subject;
    if (broken) {
      test('what goes wrong is an Error with words', async (t) => {
        await assert.rejects(transcript(await broken(t), await subject.clip(0)), isTellingError);
      });
    }
  });
}

/** The last event, of which it has been checked that it is the only one of its kind and says what the deltas do. */
export async function transcript(transcriber: Transcriber, clip: AudioClip): Promise<Done> {
  const events = await Array.fromAsync(transcriber.transcribe(clip, { signal: new AbortController().signal }));
  const last = events.at(-1);
  assert.ok(last?.type === 'done', 'the last event is done');
  assert.equal(events.filter(({ type }) => type === 'done').length, 1);
  const deltas = events.map((event) => (event.type === 'delta' ? event.text : ''));
  assert.equal(deltas.join(''), last.text);
  assert.equal(last.text, last.text.trim());
  return last;
}
