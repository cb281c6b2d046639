/** The corpus of the benchmark of turn-taking. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type CorpusOptions,
  corpusEcho,
  corpusOverlaps,
  corpusTurns,
  lengthMs,
  type OverlapKind,
} from '../../dev/corpus/corpus.ts';
import { splits, texts } from '../../dev/corpus/sentences.ts';
import { roomTone } from '../../dev/corpus/sounds.ts';
import { corpusRateHz } from '../../dev/corpus/synthesis.ts';
import { Random } from '../../dev/fuzz/random.ts';
import { concatSamples, rmsDbfs, samplesIn } from '../../src/audio/pcm.ts';
import { Flite } from '../../src/engines/embedded/flite/flite.ts';
import { Silero } from '../../src/engines/embedded/silero/silero.ts';

const flite = new Flite({ workers: 1 });
const silero = new Silero();
const part: CorpusOptions = { split: 'held-out', seed: 1, share: 0.2 };

after(() => Promise.all([flite.close(), silero.close()]));

/** The longest run of frames that Silero takes for speech, in milliseconds. */
async function voicedMs(samples: Int16Array): Promise<number> {
  const room = roomTone(320, new Random(1, 1));
  const stream = silero.open({ sampleRateHz: corpusRateHz });
  const frames = (await stream.push(concatSamples([room, samples, room]))) ?? [];
  stream.close();
  let run = 0;
  let longest = 0;
  for (const { probability } of frames) {
    run = probability >= 0.5 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest * stream.frameMs;
}

test('a seed gives the same corpus, and another seed another one', async () => {
  const [first, same, other] = [
    await corpusTurns(flite, part),
    await corpusTurns(flite, part),
    await corpusTurns(flite, { ...part, seed: 2 }),
  ];
  assert.deepEqual(same, first);
  assert.notDeepEqual(
    other.map(({ samples }) => samples),
    first.map(({ samples }) => samples),
  );
  const overlaps = await corpusOverlaps(flite, part);
  assert.deepEqual(await corpusOverlaps(flite, part), overlaps);
});

test('turns are silent in their pauses of 200 to 1500 ms, and speech around them', async () => {
  const turns = await corpusTurns(flite, part);
  const pauses = turns.flatMap(({ pauses }) => pauses);
  assert.ok(pauses.length >= 7 && new Set(pauses.map(({ kind }) => kind)).size === 7, 'each kind');
  for (const turn of turns) {
    for (const { fromMs, toMs } of turn.pauses) {
      assert.ok(toMs - fromMs >= 199 && toMs - fromMs <= 1501, `${turn.text}: ${toMs - fromMs} ms`);
      const between = (startMs: number, endMs: number) =>
        rmsDbfs(turn.samples.subarray(samplesIn(startMs, corpusRateHz), samplesIn(endMs, corpusRateHz)));
      assert.ok(between(fromMs + 50, toMs - 50) < -45, `${turn.text}: silence from ${fromMs} ms`);
      assert.ok(between(fromMs - 300, fromMs) > -40, `${turn.text}: speech before ${fromMs} ms`);
      assert.ok(between(toMs, toMs + 300) > -40, `${turn.text}: speech after ${toMs} ms`);
    }
    assert.ok((await voicedMs(turn.samples)) >= 96 && lengthMs(turn) < 15_000, turn.text);
  }
});

test('Silero takes people for speech, and things not', async () => {
  const overlaps = await corpusOverlaps(flite, { ...part, share: 0.5 });
  const heard = new Map<OverlapKind, number[]>();
  for (const { kind, samples } of overlaps) {
    if (kind !== 'echo') heard.set(kind, [...(heard.get(kind) ?? []), await voicedMs(samples)]);
  }
  const share = (kind: OverlapKind) => {
    const durations = heard.get(kind) ?? [];
    return durations.filter((ms) => ms >= 96).length / durations.length;
  };
  for (const kind of ['interruption', 'back-channel', 'television'] as const) assert.equal(share(kind), 1, kind);
  for (const kind of ['cough', 'laugh'] as const) assert.ok(share(kind) >= 0.4, `${kind}: ${share(kind)}`);
  assert.ok(share('noise') <= 0.2, `noise: ${share('noise')}`);
  assert.ok((await voicedMs(await corpusEcho(flite))) >= 96, 'echo');
});

test('the halves of the corpus share neither voices nor texts', () => {
  const [tuning, heldOut] = splits.map((split) => texts[split]);
  assert.ok(tuning && heldOut);
  const all = (half: typeof tuning) => [...Object.values(half.turns).flat(), ...half.interruptions, ...half.television];
  assert.deepEqual(
    tuning.voices.filter((voice) => heldOut.voices.includes(voice)),
    [],
  );
  assert.deepEqual(
    all(tuning).filter((text) => all(heldOut).includes(text)),
    [],
  );
});
