import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples, durationMs, samplesIn } from '../../src/audio/pcm.ts';
import { createResampler } from '../../src/audio/resample.ts';
import type { FrameDecoder, FrameEncoder } from '../../src/transport/webrtc/frame-codec.ts';
import { FramePacer } from '../../src/transport/webrtc/frame-pacer.ts';
import { JitterBuffer } from '../../src/transport/webrtc/jitter-buffer.ts';
import { SentPlayback } from '../../src/transport/webrtc/sent-playback.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const rateHz = 24_000;

function newPlayback({ leadMs = 1000, frameRateHz = rateHz } = {}) {
  const clock = new FakeClock();
  const playback = new SentPlayback({ clock, rateHz: frameRateHz, leadMs });
  const sent: (Int16Array | undefined)[] = [];
  const reports: string[] = [];
  playback.listener = {
    started: (responseId) => reports.push(`started ${responseId}`),
    drained: () => reports.push('drained'),
  };
  /** Sends frames for some time. */
  const run = async (ms: number) => {
    for (let at = 0; at < ms; at += 20) {
      sent.push(playback.nextFrame());
      await clock.advance(20);
    }
  };
  const play = (samples: Int16Array, { itemId = 'item_1', responseId = 'resp_1', sampleRateHz = rateHz } = {}) =>
    playback.play({
      ...{ responseId, itemId, outputIndex: 0, contentIndex: 0, samples, sampleRateHz },
      format: { type: 'audio/pcm', rate: 24_000 },
    });
  const sound = () => concatSamples(sent.filter((frame) => frame !== undefined));
  return { clock, playback, sent, reports, run, play, sound };
}

/** A ramp, in which every sample differs from its neighbours. */
function ramp(ms: number, sampleRateHz = rateHz): Int16Array {
  return Int16Array.from({ length: samplesIn(ms, sampleRateHz) }, (_, i) => 1000 + (i % 20_000));
}

test('audio is sent in frames, without gaps, however it was cut', async () => {
  const { play, run, sound, reports, sent } = newPlayback();
  const samples = ramp(205);
  for (let at = 0; at < samples.length; at += 777) play(samples.subarray(at, at + 777));
  await run(300);
  assert.deepEqual(sound().subarray(0, samples.length), samples);
  assert.equal(durationMs(sound().length, rateHz), 220);
  assert.deepEqual(reports, ['started resp_1', 'drained']);
  // The last 5 ms wait for one frame, because more could follow.
  assert.equal(sent.indexOf(undefined), 10);
});

test('the position is what was sent, less what is on its way', async () => {
  const { clock, playback, play, run } = newPlayback();
  assert.equal(playback.positionMs('item_1', 0), undefined);
  play(ramp(500));
  assert.equal(playback.positionMs('item_1', 0), 0);
  assert.equal(playback.endsAt, 500);
  await run(100);
  assert.equal(playback.positionMs('item_1', 0), 100);
  playback.reportDelivery(50);
  await run(100);
  assert.equal(playback.positionMs('item_1', 0), 150);
  assert.equal(playback.endsAt, 550);
  await run(400);
  assert.equal(playback.positionMs('item_1', 0), 500);
  assert.equal(playback.endsAt, 550);
  assert.equal(clock.now(), 600);
});

test('an interruption drops the queue at once, and fades out in 10 ms', async () => {
  const { playback, play, run, sent, reports } = newPlayback();
  play(ramp(1000));
  await run(100);
  assert.deepEqual(playback.interrupt(), { itemId: 'item_1', contentIndex: 0, playedMs: 100 });
  assert.equal(playback.endsAt, 100);
  await run(100);
  const [tail, ...rest] = sent.slice(5);
  assert.ok(rest.every((frame) => frame === undefined));
  assert.ok((tail?.[0] ?? 0) > 1000);
  assert.ok(tail?.subarray(240).every((sample) => sample === 0));
  assert.equal(playback.interrupt(), undefined);
  assert.deepEqual(reports, ['started resp_1']);
  play(ramp(100), { itemId: 'item_2', responseId: 'resp_2' });
  await run(140);
  assert.deepEqual(reports, ['started resp_1', 'started resp_2', 'drained']);
});

test('pause and resume lose no sample, and neither clicks', async () => {
  const { playback, play, run, sent, reports } = newPlayback();
  const samples = ramp(400);
  play(samples);
  await run(100);
  playback.pause();
  await run(200);
  assert.equal(playback.positionMs('item_1', 0), 100);
  assert.equal(playback.endsAt, 300 + 300);
  playback.resume();
  await run(340);
  const [fading, ...paused] = sent.slice(5, 15);
  assert.ok(paused.every((frame) => frame === undefined));
  const resumed = concatSamples(sent.slice(15).filter((frame) => frame !== undefined));
  // Where the pause began, the words continue: the first 10 ms fade in.
  assert.deepEqual(resumed.subarray(240), samples.subarray(samplesIn(100, rateHz) + 240));
  const steps = [...concatSamples([fading ?? new Int16Array(), resumed])].map((sample, i, all) =>
    Math.abs(sample - (all[i - 1] ?? sample)),
  );
  assert.ok(Math.max(...steps) < 60, `a step of ${Math.max(...steps)}`);
  assert.deepEqual(reports, ['started resp_1', 'drained']);
});

test('the listener receives every sample across a pause, on continuous RTP timestamps', async () => {
  const { clock, playback, play } = newPlayback();
  const samples = ramp(400);
  play(samples);
  const received: Int16Array[] = [];
  // Sends samples as they are.
  const bytes = (frame: Int16Array) => new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  const decoder: FrameDecoder = {
    ...{ sampleRateHz: rateHz, canRecover: () => false, free: () => {} },
    decode: (payload) => new Int16Array(payload.slice().buffer),
    recover: () => assert.fail('nothing is lost'),
    conceal: () => assert.fail('nothing is late'),
  };
  const buffer = new JitterBuffer({
    ...{ clock, decoder, clockRateHz: 48_000, exceeded: () => assert.fail('beyond real time') },
    output: (clip) => void received.push(clip.samples),
  });
  const packets: { timestamp: number; starts: boolean }[] = [];
  const pacer = new FramePacer({
    ...{ clock, clockRateHz: 48_000, nextFrame: () => playback.nextFrame() },
    encoder: { sampleRateHz: rateHz, encode: bytes, reportLoss: () => {}, free: () => {} },
    send: ({ payload, timestamp, starts }) => {
      packets.push({ timestamp, starts });
      buffer.push({ sequenceNumber: packets.length, timestamp, payload: payload.slice() });
    },
  });
  await clock.advance(90);
  playback.pause();
  await clock.advance(210);
  playback.resume();
  await clock.advance(400);
  pacer.stop();
  buffer.close();

  assert.deepEqual(
    packets.map(({ timestamp }) => timestamp),
    packets.map((_, index) => index * 960),
  );
  assert.deepEqual(
    packets.flatMap(({ starts }, index) => (starts ? [index] : [])),
    [0, 16],
    'markers at the start, and after the pause',
  );
  const all = concatSamples(received);
  const at = (ms: number) => samplesIn(ms, rateHz);
  assert.deepEqual(all.subarray(0, at(100)), samples.subarray(0, at(100)));
  assert.ok(all.subarray(at(110), at(320)).every((sample) => sample === 0));
  assert.deepEqual(all.subarray(at(330), at(620)), samples.subarray(at(110)));
});

test('a pause that ends before its first frame changes nothing, nor does a resumption without a pause', async () => {
  const { playback, play, run, sound } = newPlayback();
  play(ramp(200));
  playback.resume();
  await run(40);
  playback.pause();
  playback.resume();
  await run(60);
  playback.resume();
  await run(140);
  assert.deepEqual(sound(), ramp(200));
});

test('audio is admitted as far as the lead allows, and not while paused', async () => {
  const { playback, play, run, clock } = newPlayback({ leadMs: 200 });
  const { signal } = new AbortController();
  const admitted: number[] = [];
  void (async () => {
    for (let i = 0; i < 10; i++) {
      await playback.admit(100, signal);
      admitted.push(clock.now());
      play(ramp(100));
    }
  })();
  await run(300);
  assert.equal(admitted.length, 4);
  playback.pause();
  await run(1000);
  assert.equal(admitted.length, 4);
  playback.resume();
  await run(1000);
  assert.equal(admitted.length, 10);
  const controller = new AbortController();
  play(ramp(1000));
  const waiting = playback.admit(100, controller.signal);
  controller.abort(new Error('stopped'));
  await assert.rejects(waiting, /stopped/);
});

test('audio at another rate is converted', async () => {
  // Loads the WebAssembly of all resamplers, which takes a time that the fake clock does not know.
  (await createResampler(rateHz, 8000)).free();
  const { play, run, sound } = newPlayback({ frameRateHz: 8000 });
  play(ramp(200));
  await run(20);
  await settle();
  await run(300);
  assert.equal(durationMs(sound().length, 8000), 200);
});

test('audio that cannot be converted leaves the call usable', async () => {
  const { play, playback, run, sound } = newPlayback();
  play(new Int16Array(100), { sampleRateHz: 1 });
  await run(100);
  assert.equal(sound().length, 0);
  playback.interrupt();
  play(ramp(100));
  await run(140);
  assert.deepEqual(sound().subarray(-samplesIn(100, rateHz)), ramp(100));
});

test('frames are sent 50 times a second without drift, with timestamps across gaps of the event loop', async () => {
  const clock = new FakeClock();
  const encoder: FrameEncoder = {
    ...{ sampleRateHz: rateHz, encode: (samples) => Uint8Array.of(samples[0] ?? 0) },
    ...{ reportLoss: () => {}, free: () => {} },
  };
  const sent: { at: number; timestamp: number; starts: boolean; payload: Uint8Array }[] = [];
  let frame: Int16Array | undefined;
  const pacer = new FramePacer({
    ...{ clock, encoder, clockRateHz: 48_000, nextFrame: () => frame },
    send: (each) => sent.push({ at: clock.now(), ...each }),
  });
  await clock.advance(60_000);
  assert.equal(sent.length, 3001);
  assert.ok(sent.every(({ at, timestamp }) => timestamp === at * 48));
  assert.ok(sent.every(({ starts }) => !starts));
  frame = new Int16Array(480).fill(7);
  await clock.advance(100);
  const loud = sent.filter(({ payload }) => payload[0] === 7);
  assert.deepEqual(
    loud.map(({ starts }) => starts),
    [true, false, false, false, false],
  );
  pacer.stop();
  const total = sent.length;
  await clock.advance(1000);
  assert.equal(sent.length, total);
});

test('a pacer that is stopped while it asks for a frame sends nothing more', async () => {
  const clock = new FakeClock();
  const sent: number[] = [];
  const encoder = { sampleRateHz: rateHz, encode: () => new Uint8Array(1), reportLoss: () => {}, free: () => {} };
  let asked = 0;
  const pacer = new FramePacer({
    ...{ clock, encoder, clockRateHz: 48_000, send: ({ timestamp }) => sent.push(timestamp) },
    nextFrame: () => {
      asked += 1;
      if (asked === 3) pacer.stop();
      return undefined;
    },
  });
  await clock.advance(1000);
  assert.deepEqual([sent, asked], [[0, 960], 3]);
});
