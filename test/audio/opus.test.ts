import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpusDecoder, OpusEncoder, OpusError } from '../../src/audio/opus.ts';
import { concatSamples } from '../../src/audio/pcm.ts';
import { spokenQuestion } from '../support/question.ts';

const rateHz = 24_000;
const frame = rateHz / 50;
const { samples: question } = await spokenQuestion(rateHz);
const speech = question.subarray(0, 100 * frame);
const options = { sampleRateHz: rateHz, bitsPerSecond: 32_000, complexity: 5, expectedLossPercent: 10 } as const;

async function encoded(samples: Int16Array): Promise<Uint8Array[]> {
  const encoder = await OpusEncoder.create(options);
  const packets = Array.from({ length: samples.length / frame }, (_, i) =>
    encoder.encode(samples.subarray(i * frame, (i + 1) * frame)),
  );
  encoder.free();
  return packets;
}

/** The ratio of the signal to its difference from a reference, in decibels, in the frames of `only`. */
function snrDb(reference: Int16Array, samples: Int16Array, only: readonly number[]): number {
  let signal = 0;
  let noise = 0;
  for (const index of only) {
    for (let i = index * frame; i < (index + 1) * frame; i++) {
      signal += (reference[i] ?? 0) ** 2;
      noise += ((reference[i] ?? 0) - (samples[i] ?? 0)) ** 2;
    }
  }
  return 10 * Math.log10(signal / noise);
}

test('a decoder restores the sound at every rate of the codec', async () => {
  const packets = await encoded(speech);
  for (const outHz of [8000, 12_000, 16_000, 24_000, 48_000] as const) {
    const decoder = await OpusDecoder.create(outHz);
    const samples = concatSamples(packets.map((packet) => decoder.decode(packet)));
    decoder.free();
    assert.equal(samples.length, 2 * outHz);
    assert.ok(
      samples.some((sample) => Math.abs(sample) > 3000),
      `${outHz} Hz`,
    );
  }
});

test('lost packets are concealed, and restored from in-band FEC', async () => {
  const packets = await encoded(speech);
  const lost = packets.map((_, index) => index).filter((index) => index % 10 === 7);
  const decodeWithout = async (fill: (decoder: OpusDecoder, index: number) => Int16Array) => {
    const decoder = await OpusDecoder.create(rateHz);
    const decoded = packets.map((packet, index) =>
      lost.includes(index) ? fill(decoder, index) : decoder.decode(packet),
    );
    decoder.free();
    return concatSamples(decoded);
  };
  const perfect = await decodeWithout((decoder, index) => decoder.decode(packets[index] ?? new Uint8Array()));
  const concealed = await decodeWithout((decoder) => decoder.conceal(frame));
  const recovered = await decodeWithout((decoder, index) =>
    decoder.recover(packets[index + 1] ?? new Uint8Array(), frame),
  );
  assert.equal(recovered.length, perfect.length);
  assert.ok(snrDb(perfect, concealed, lost) > 3);
  assert.ok(snrDb(perfect, recovered, lost) > 12);
});

test('a malformed packet is refused, and the codec continues', async () => {
  const [first = new Uint8Array(), second = new Uint8Array()] = await encoded(speech.subarray(0, 2 * frame));
  const decoder = await OpusDecoder.create(rateHz);
  decoder.decode(first);
  // Code 3 with 63 frames: more than 120 ms (RFC 6716 §3.2.5).
  assert.throws(() => decoder.decode(Uint8Array.of(0xff, 0x3f, 1, 2, 3)), OpusError);
  assert.throws(() => decoder.decode(new Uint8Array(10_000)), OpusError);
  assert.equal(decoder.decode(second).length, frame);
  decoder.free();
  assert.throws(() => decoder.decode(second), OpusError);
});
