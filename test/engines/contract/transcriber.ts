/** The contract of every transcriber. An engine's test calls `transcriberContract` with a factory. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { AudioClip } from '../../../src/audio/audio-clip.ts';
import { concatSamples, durationMs, samplesIn } from '../../../src/audio/pcm.ts';
import { resample } from '../../../src/audio/resample.ts';
import type { OpenTurn, Transcriber, TranscriptEvent } from '../../../src/session/ports/transcriber.ts';
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
  /** Creates a transcriber that fails, for example because its server is closed. Absent if it cannot fail. */
  broken?(t: TestContext): Promise<Transcriber> | Transcriber;
  /** A clip of a few words, and the words; `index` selects different ones (0…3). */
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

  describe(`${name} fulfils the contract of a transcriber`, () => {
    test('it transcribes words: any number of deltas, then one done with the same text', async (t) => {
      const clip = await subject.clip(0);
      const { text } = await transcript(await subject.open(t), clip);
      assert.deepEqual(plainWords(text), plainWords(clip.words));
    });

    test('empty audio results in no text', async (t) => {
      const { text } = await transcript(await subject.open(t), { samples: new Int16Array(0), sampleRateHz: 24_000 });
      assert.equal(text, '');
    });

    test('a short silence is accepted', async (t) => {
      const transcriber = await subject.open(t);
      for (const ms of [1, 20, 1500]) {
        const { text } = await transcript(transcriber, {
          samples: new Int16Array(samplesIn(ms, 24_000)),
          sampleRateHz: 24_000,
        });
        assert.equal(text, text.trim());
      }
    });

    test('audio of any rate is accepted', async (t) => {
      const transcriber = await subject.open(t);
      const clip = await subject.clip(0);
      for (const rate of [11_025, 24_000, 48_000]) {
        const { text } = await transcript(transcriber, await resample(clip, rate));
        assert.deepEqual(plainWords(text), plainWords(clip.words), `at ${rate} Hz`);
      }
    });

    test('a long clip is transcribed completely', async (t) => {
      const clip = await subject.clip(0);
      const pause = new Int16Array(samplesIn(1000, clip.sampleRateHz));
      const turn = concatSamples([clip.samples, pause]);
      const times = Math.ceil((40 * clip.sampleRateHz) / turn.length);
      const samples = concatSamples(Array.from({ length: times }, () => turn));
      const { text } = await transcript(await subject.open(t), { ...clip, samples });
      assert.notEqual(text, '');
    });

    test('the clip is not modified', async (t) => {
      const clip = await subject.clip(0);
      const before = clip.samples.slice();
      await transcript(await subject.open(t), clip);
      assert.deepEqual(clip.samples, before);
    });

    test('concurrent clips get the same text as single ones', async (t) => {
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

    test('logprobs are valid probabilities', async (t) => {
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

    test('aborted during a wait, it throws the reason immediately', async (t) => {
      await stopsWhileWaiting(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('aborted between two events, it yields nothing more', async (t) => {
      await stopsBetweenEvents(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('the consumer may stop iterating', async (t) => {
      await letsItsConsumerLeave(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('an abort after the last event changes nothing', async (t) => {
      await bearsALateAbort(hearing(await subject.open(t), await subject.clip(0)));
    });

    test('if it follows open turns, it yields words without blank deltas, and stops when the turn ends', async (t) => {
      const transcriber = await subject.open(t);
      if (!transcriber.follow) return;
      const clip = await subject.clip(0);
      const ended = new AbortController();
      const turn = growingTurn(clip, () => ended.abort(new Error('the turn has ended')));
      const deltas: string[] = [];
      const follow = async () => {
        const options = { signal: ended.signal };
        for await (const { text } of transcriber.follow?.(turn, options) ?? []) deltas.push(text);
      };
      await follow().catch((error) => assert.equal(error, ended.signal.reason));
      assert.ok(deltas.every((text) => text.trim() !== ''));
      assert.ok(!/^\s|\s\s/.test(deltas.join('')), deltas.join('|'));
    });

    const { broken } = subject;
    if (broken) {
      test('a failure is an Error with a message', async (t) => {
        await assert.rejects(transcript(await broken(t), await subject.clip(0)), isTellingError);
      });
    }
  });
}

/** A turn that grows as far as a transcriber waits for; `onEnd` is called when the clip is over. */
export function growingTurn({ samples, sampleRateHz }: AudioClip, onEnd: () => void): OpenTurn {
  const wholeMs = durationMs(samples.length, sampleRateHz);
  let untilMs = 0;
  return {
    get durationMs() {
      return untilMs;
    },
    clip: (fromMs, toMs = untilMs) => ({
      samples: samples.slice(samplesIn(fromMs, sampleRateHz), samplesIn(Math.min(toMs, untilMs), sampleRateHz)),
      sampleRateHz,
    }),
    async reaches(neededMs, signal) {
      if (neededMs > wholeMs) onEnd();
      signal.throwIfAborted();
      untilMs = Math.max(untilMs, neededMs);
    },
  };
}

/** The last event, checked to be the only done, with the text of the deltas. */
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
