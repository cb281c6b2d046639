import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { createFrameDecoder, type FrameDecoder } from '../../src/transport/webrtc/frame-codec.ts';
import { JitterBuffer } from '../../src/transport/webrtc/jitter-buffer.ts';
import { FakeClock } from '../support/fake-clock.ts';

const rateHz = 24_000;
const frameSamples = rateHz / 50;
const ticks = 960;

/** Frames of a fake decoder: a packet is one byte and sounds as this value; these are the others. */
const concealed = -1;
const recovered = -2;
const silent = 0;

const fakeDecoder: FrameDecoder = {
  sampleRateHz: rateHz,
  decode: ([value = 0]) => {
    if (value === 255) throw new Error('malformed');
    return new Int16Array(frameSamples).fill(value);
  },
  canRecover: ([value = 0]) => value < 100,
  recover: (_next, samples) => new Int16Array(samples).fill(recovered),
  conceal: (samples) => new Int16Array(samples).fill(concealed),
  free: () => {},
};

function newBuffer({
  firstSequence = 65_534,
  firstTimestamp = 2 ** 32 - 1920,
  decoder = fakeDecoder,
  closesAfter = Number.POSITIVE_INFINITY,
} = {}) {
  const clock = new FakeClock();
  const parts: Int16Array[] = [];
  let exceeded = 0;
  const buffer = new JitterBuffer({
    clock,
    decoder,
    clockRateHz: 48_000,
    exceeded: () => {
      exceeded += 1;
    },
    output: ({ samples }) => {
      if (parts.push(samples) === closesAfter) buffer.close();
    },
  });
  /** Packet `index` of the stream, whose sound is `index + 1`; `paused`: frames of silence that were not sent before. */
  const push = (index: number, { paused = 0, value = index + 1 } = {}) =>
    buffer.push({
      sequenceNumber: (firstSequence + index) & 0xffff,
      timestamp: (firstTimestamp + (index + paused) * ticks) >>> 0,
      payload: Uint8Array.of(value),
    });
  /** The frames put out so far. */
  const frames = () => {
    const samples = concatSamples(parts);
    assert.equal(samples.length % frameSamples, 0);
    return Array.from({ length: samples.length / frameSamples }, (_, i) => samples[i * frameSamples]);
  };
  return { clock, buffer, push, parts, frames, exceeded: () => exceeded };
}

test('packets in order pass at once, and numbers wrap around', async () => {
  const { clock, push, frames } = newBuffer();
  for (let i = 0; i < 5; i++) {
    push(i);
    assert.equal(frames().length, i + 1);
    await clock.advance(20);
  }
  assert.deepEqual(frames(), [1, 2, 3, 4, 5]);
});

test('reordered and repeated packets are put in order', async () => {
  const { clock, push, frames } = newBuffer();
  for (const index of [0, 2, 2, 1, 0, 3, 3]) push(index);
  await clock.advance(10);
  assert.deepEqual(frames(), [1, 2, 3, 4]);
});

test('a lost packet is recovered from the next one, earlier ones are concealed, and late ones are dropped', async () => {
  const { clock, push, frames } = newBuffer();
  for (const index of [0, 1]) {
    push(index);
    await clock.advance(20);
  }
  await clock.advance(30);
  push(4);
  assert.deepEqual(frames(), [1, 2]);
  await clock.advance(20);
  assert.deepEqual(frames(), [1, 2, concealed, recovered, 5]);
  push(3);
  push(5);
  assert.deepEqual(frames(), [1, 2, concealed, recovered, 5, 6]);
});

test('packets are counted by their fate', async () => {
  const { clock, buffer, push } = newBuffer();
  push(0);
  push(0);
  await clock.advance(20);
  push(1);
  await clock.advance(50);
  // Lost: 2 and 3, which is recovered from 4.
  push(4);
  await clock.advance(20);
  push(2);
  await clock.advance(20);
  // Lost: 5, which 6 does not carry.
  push(6, { value: 200 });
  await clock.advance(100);
  push(7, { value: 255 });
  assert.deepEqual(buffer.packets, { received: 7, lost: 3, recovered: 1, concealed: 2, late: 2, dropped: 1 });
});

test('the wait for a missing packet follows the jitter', async () => {
  /** The wait in a stream that arrives in bursts of this many packets. */
  const waitAfter = async (burst: number) => {
    const { clock, push, frames } = newBuffer();
    for (let i = 0; i < 48; i++) {
      if (i % burst === 0) await clock.advance(20 * burst);
      push(i);
    }
    await clock.advance(40);
    push(49);
    const before = frames().length;
    let waitedMs = 0;
    for (; frames().length === before; waitedMs++) await clock.advance(1);
    return waitedMs;
  };
  assert.equal(await waitAfter(1), 20);
  assert.equal(await waitAfter(4), 60);
  assert.equal(await waitAfter(16), 200);
});

test('a pause of the sender becomes silence while it lasts, and its timestamp corrects the length', async () => {
  const { clock, push, frames } = newBuffer();
  push(0);
  await clock.advance(20);
  push(1);
  await clock.advance(1000);
  const during = frames().length;
  assert.ok(during > 45 && during <= 50, `${during} frames`);
  assert.deepEqual(frames().slice(2, 7), Array(5).fill(concealed));
  assert.ok(
    frames()
      .slice(7)
      .every((value) => value === silent),
  );
  push(2, { paused: 49 });
  assert.equal(frames().length, 52);
  assert.equal(frames().at(-1), 3);
});

test('audio that was only late is never dropped', async () => {
  const { clock, push, frames } = newBuffer();
  push(0);
  await clock.advance(600);
  for (let i = 1; i <= 30; i++) push(i);
  assert.deepEqual(
    frames().filter((value = 0) => value > 0),
    Array.from({ length: 31 }, (_, i) => i + 1),
  );
});

test('a malformed packet sounds like a lost one', async () => {
  const { push, frames } = newBuffer();
  push(0);
  push(1, { value: 255 });
  push(2);
  assert.deepEqual(frames(), [1, concealed, 3]);
});

test('a pause after a packet of one sample is filled with frames of 10 ms', async () => {
  const decoder = { ...fakeDecoder, decode: () => Int16Array.of(1) };
  const { clock, push, parts } = newBuffer({ decoder });
  push(0);
  await clock.advance(1000);
  const frames = parts.slice(1);
  assert.ok(frames.length > 80 && frames.length <= 100, `${frames.length} frames`);
  assert.ok(frames.every(({ length }) => length === frameSamples / 2));
});

test('a packet of G.711 shorter than 10 ms sounds like a lost one', async () => {
  const decoder = await createFrameDecoder('pcmu');
  assert.equal(decoder.decode(new Uint8Array(80)).length, 80);
  const { push, parts } = newBuffer({ decoder });
  push(0);
  assert.deepEqual(
    parts.map(({ length }) => length),
    [160],
  );
});

test('a hostile sender gets no more than real time accepted, and no silence for jumps of the timestamp', async () => {
  const { clock, buffer, push, frames, exceeded } = newBuffer();
  /** Real time and the burst of 3 s that is accepted at once, beside the silence while nothing was accepted. */
  const most = () => (2 * clock.now() + 3000) / 20 + 20;
  for (let i = 0; i < 5000; i++) push(i % 250);
  for (let i = 250; i < 5000; i++) push(i, { value: 1 });
  assert.ok(frames().length <= most(), `${frames().length} frames`);
  await clock.advance(10_000);
  for (let i = 0; i < 100; i++) {
    buffer.push({ sequenceNumber: 400 + i, timestamp: 48_000 * 3600 * i, payload: Uint8Array.of(1) });
  }
  assert.ok(frames().length <= most(), `${frames().length} frames`);
  await clock.advance(5000);
  assert.ok(frames().length <= most(), `${frames().length} frames`);
  assert.equal(exceeded(), 1);
  assert.ok(buffer.packets.dropped > 4000, `${buffer.packets.dropped} packets`);
});

test('a single stray packet is dropped, and a second one restarts the stream', async () => {
  const { clock, buffer, push, frames } = newBuffer();
  const stray = (sequenceNumber: number, value: number) =>
    buffer.push({ sequenceNumber, timestamp: sequenceNumber * ticks, payload: Uint8Array.of(value) });
  push(0);
  stray(30_000, 77);
  push(1);
  assert.deepEqual(frames(), [1, 2]);
  stray(30_000, 77);
  stray(30_001, 78);
  stray(30_002, 79);
  await clock.advance(5);
  assert.deepEqual(frames(), [1, 2, 78, 79]);
});

test('closing stops its timers', async () => {
  const { clock, buffer, push, frames } = newBuffer();
  push(0);
  push(2);
  buffer.close();
  await clock.advance(5000);
  assert.deepEqual(frames(), [1]);
});

test('a buffer that is closed by the receiver of its audio puts out nothing more', async () => {
  const { clock, push, frames } = newBuffer({ closesAfter: 2 });
  push(0);
  push(1);
  await clock.advance(5000);
  assert.deepEqual(frames(), [1, 2]);
});
