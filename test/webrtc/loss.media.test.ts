/** The audio of a client over networks that lose and delay packets: the same network at each run, on a fake clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../dev/fuzz/random.ts';
import { encodeMulaw } from '../../src/audio/g711.ts';
import { OpusEncoder } from '../../src/audio/opus.ts';
import { concatSamples, durationMs, samplesIn } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { createFrameDecoder } from '../../src/transport/webrtc/frame-codec.ts';
import { JitterBuffer } from '../../src/transport/webrtc/jitter-buffer.ts';
import { assertUnderstood } from '../engines/speech.ts';
import { embeddedEngines, spokenQuestion as spokenSentence, understood } from '../support/embedded.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { spokenQuestion } from '../support/question.ts';

const frames = 500;
const frequencyHz = 200;

function tone(sampleRateHz: number): Int16Array {
  return Int16Array.from({ length: samplesIn(frames * 20, sampleRateHz) }, (_, i) =>
    Math.round(8000 * Math.sin((2 * Math.PI * frequencyHz * i) / sampleRateHz)),
  );
}

async function encode(codec: 'opus' | 'pcmu', samples: Int16Array, step: number): Promise<Uint8Array[]> {
  const pieces = Array.from({ length: frames }, (_, i) => samples.subarray(i * step, (i + 1) * step));
  if (codec === 'pcmu') return pieces.map((piece) => encodeMulaw(piece));
  const options = { sampleRateHz: 24_000, bitsPerSecond: 32_000, complexity: 5, expectedLossPercent: 10 } as const;
  const encoder = await OpusEncoder.create(options);
  const packets = pieces.map((piece) => encoder.encode(piece));
  encoder.free();
  return packets;
}

interface Network {
  loss: number;
  jitterMs: number;
}

/** Sends a sound of `frames`, by default a tone; returns what the buffer put out, its counts, and the packets lost. */
async function receive(codec: 'opus' | 'pcmu', { loss, jitterMs }: Network, sound?: Int16Array) {
  const rateHz = codec === 'opus' ? 24_000 : 8000;
  const packets = await encode(codec, sound ?? tone(rateHz), rateHz / 50);
  const clock = new FakeClock();
  const parts: Int16Array[] = [];
  const buffer = new JitterBuffer({
    ...{ clock, decoder: await createFrameDecoder(codec), clockRateHz: codec === 'opus' ? 48_000 : 8000 },
    ...{ output: ({ samples }) => void parts.push(samples), exceeded: () => assert.fail('beyond real time') },
  });
  const random = new Random(17, 0);
  const ticks = codec === 'opus' ? 960 : 160;
  let lost = 0;
  for (const [index, payload] of packets.entries()) {
    const isLost = random.next() < loss;
    const delayMs = random.next() * jitterMs;
    // The stream begins and ends with packets that arrive, so that every loss is between two of them.
    if (isLost && index > 0 && index < frames - 1) lost += 1;
    else
      clock.after(index * 20 + delayMs, () =>
        buffer.push({ sequenceNumber: index, timestamp: index * ticks, payload }),
      );
  }
  await clock.advance(frames * 20 + 30);
  const { packets: counts } = buffer;
  buffer.close();
  return { samples: concatSamples(parts), rateHz, counts, lost };
}

/** The ratio of the tone to everything else in each 20 ms, in dB, ascending. */
function tonesToNoise(samples: Int16Array, rateHz: number): number[] {
  const length = rateHz / 50;
  const ratios: number[] = [];
  for (let at = 0; at + length <= samples.length; at += length) {
    let [power, sine, cosine] = [0, 0, 0];
    for (let i = 0; i < length; i++) {
      const sample = samples[at + i] ?? 0;
      const phase = (2 * Math.PI * frequencyHz * i) / rateHz;
      power += sample ** 2;
      sine += sample * Math.sin(phase);
      cosine += sample * Math.cos(phase);
    }
    const tonePower = (2 / length) * (sine ** 2 + cosine ** 2);
    ratios.push(power === 0 ? Number.NEGATIVE_INFINITY : 10 * Math.log10(tonePower / Math.max(1, power - tonePower)));
  }
  return ratios.sort((a, b) => a - b);
}

/** The longest silence, in milliseconds: a fraction of a period is not one. */
function longestGapMs(samples: Int16Array, rateHz: number): number {
  let [longest, length] = [0, 0];
  for (const sample of samples) {
    length = Math.abs(sample) < 100 ? length + 1 : 0;
    longest = Math.max(longest, length);
  }
  return durationMs(longest, rateHz);
}

for (const codec of ['opus', 'pcmu'] as const) {
  for (const loss of [0, 0.02, 0.05]) {
    test(`${codec} with ${loss * 100} % loss, with and without 30 ms of jitter`, async () => {
      const steady = await receive(codec, { loss, jitterMs: 0 });
      const { samples, rateHz, counts, lost } = await receive(codec, { loss, jitterMs: 30 });
      assert.equal(durationMs(samples.length, rateHz), frames * 20, 'nothing is added or left out');
      assert.deepEqual(samples, steady.samples, 'jitter changes nothing');
      const { recovered, ...others } = counts;
      const concealed = lost - recovered;
      assert.deepEqual(others, { received: frames - lost, lost, concealed, late: 0, dropped: 0 });

      const ratios = tonesToNoise(samples, rateHz);
      const median = ratios[ratios.length / 2] ?? 0;
      assert.ok(median > 35, `the tone is ${median} dB above the noise`);
      // A lost packet disturbs its own 20 ms and the next, and Opus needs one to begin.
      const disturbed = ratios.filter((ratio) => ratio < 30).length;
      assert.ok(disturbed <= 3 * lost + 2, `${disturbed} of ${frames} frames`);
      // Bursts of this network have two packets.
      const gapMs = longestGapMs(samples.subarray(rateHz / 50), rateHz);
      assert.ok(gapMs <= (lost > 0 ? 40 : 1), `a gap of ${gapMs} ms`);
    });
  }
}

/** The greatest step between two samples. */
function greatestStep(samples: Int16Array): number {
  let greatest = 0;
  for (let i = 1; i < samples.length; i++) {
    greatest = Math.max(greatest, Math.abs((samples[i] ?? 0) - (samples[i - 1] ?? 0)));
  }
  return greatest;
}

test('a tone over PCMU continues through losses without a click or a gap, closer than silence', async () => {
  const hz = 173;
  const sound = Int16Array.from({ length: frames * 160 }, (_, i) =>
    Math.round(8000 * Math.sin((2 * Math.PI * hz * i) / 8000)),
  );
  const { samples, rateHz, lost } = await receive('pcmu', { loss: 0.05, jitterMs: 0 }, sound);
  const [power, noise] = [sound, samples.map((sample, i) => sample - (sound[i] ?? 0))].map((part) =>
    part.reduce((sum, sample) => sum + sample ** 2, 0),
  );
  const decibels = 10 * Math.log10((power ?? 0) / (noise ?? 1));
  const ofSilence = -10 * Math.log10(lost / frames);
  assert.ok(decibels > ofSilence + 6, `${decibels} dB, with silence instead ${ofSilence} dB`);
  assert.ok(greatestStep(samples) < 1.5 * greatestStep(sound), `a step of ${greatestStep(samples)}`);
  assert.ok(longestGapMs(samples, rateHz) <= 1);
});

test('PCMU fades in 60 ms when packets are lost, and returns without a step', async () => {
  const decoder = await createFrameDecoder('pcmu');
  const sound = tone(8000).subarray(0, 1600);
  decoder.decode(encodeMulaw(sound));
  const lost = Array.from({ length: 5 }, () => decoder.conceal(160));
  const levels = lost.map((part) => part.reduce((highest, sample) => Math.max(highest, Math.abs(sample)), 0));
  assert.ok((levels[0] ?? 0) > 7500 && (levels[2] ?? 0) > 500, levels.join());
  assert.ok(levels.every((level, i) => i === 0 || level <= (levels[i - 1] ?? 0)));
  assert.deepEqual(levels.slice(3), [0, 0]);
  const all = concatSamples([sound, ...lost, decoder.decode(encodeMulaw(sound))]);
  assert.ok(greatestStep(all) < 1.5 * greatestStep(sound), `a step of ${greatestStep(all)}`);
});

test('most lost packets of speech are recovered from the next one', async () => {
  const { samples: question } = await spokenQuestion(24_000);
  const speech = new Int16Array(frames * 480);
  for (let at = 0; at < speech.length; at += question.length) {
    speech.set(question.subarray(0, speech.length - at), at);
  }
  const { counts, lost } = await receive('opus', { loss: 0.05, jitterMs: 30 }, speech);
  assert.ok(lost >= 15 && counts.recovered >= lost / 2, JSON.stringify(counts));
});

test('speech over PCMU stays understandable with 5 % loss', async (t) => {
  const set = await embeddedEngines();
  t.after(() => set.close());
  const sentence = 'Could you tell me when the next train leaves for the city?';
  const said = await resample({ samples: await spokenSentence(set, sentence), sampleRateHz: 24_000 }, 8000);
  const speech = new Int16Array(frames * 160);
  speech.set(said.samples.subarray(0, speech.length));
  const { samples, lost } = await receive('pcmu', { loss: 0.05, jitterMs: 30 }, speech);
  assert.ok(lost >= 15);
  const heard = await understood(set, samples, 8000);
  assertUnderstood(sentence, heard, 0.1);
});
