/** The model of playback for clients that do not report it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutputAudio } from '../../src/session/ports/playback.ts';
import { ModelledPlayback } from '../../src/session/response/playback.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

const { signal: never } = new AbortController();

function newPlayback(leadMs = 1000) {
  const clock = new FakeClock();
  return { clock, playback: new ModelledPlayback(clock, leadMs) };
}

function audio(itemId: string, ms: number, contentIndex = 0): OutputAudio {
  const format = { type: 'audio/pcm', rate: 24_000 } as const;
  const samples = new Int16Array(ms * 24);
  return { responseId: 'resp_1', itemId, outputIndex: 0, contentIndex, samples, sampleRateHz: 24_000, format };
}

/** Whether a promise is settled after all pending microtasks. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await settle();
  return settled;
}

test('audio is admitted when the remaining playback is shorter than the lead', async () => {
  const { clock, playback } = newPlayback(1000);
  await playback.admit(800, never);
  playback.play(audio('a', 800));
  const next = playback.admit(800, never);
  await clock.advance(599);
  assert.equal(await isSettled(next), false);
  await clock.advance(1);
  assert.equal(await isSettled(next), true);
});

test('the position of a part, within consecutive items and after a gap', async () => {
  const { clock, playback } = newPlayback();
  playback.play(audio('a', 300));
  playback.play(audio('a', 100));
  playback.play(audio('a', 200, 1));
  playback.play(audio('b', 500));
  const positions = () => [
    playback.positionMs('a', 0),
    playback.positionMs('a', 1),
    playback.positionMs('b', 0),
    playback.positionMs('c', 0),
  ];
  assert.deepEqual(positions(), [0, 0, 0, undefined]);
  await clock.advance(350);
  assert.deepEqual(positions(), [350, 0, 0, undefined]);
  await clock.advance(150);
  assert.deepEqual(positions(), [400, 100, 0, undefined]);
  await clock.advance(5000);
  assert.deepEqual(positions(), [400, 200, 500, undefined]);
  playback.play(audio('b', 100));
  assert.deepEqual(positions(), [undefined, undefined, 500, undefined], 'what was played whole is forgotten');
  await clock.advance(60);
  assert.equal(playback.positionMs('b', 0), 560);
  assert.equal(playback.endsAt, 5600);
});

test('an interruption returns the position of playback and drops the rest', async () => {
  const { clock, playback } = newPlayback();
  assert.equal(playback.interrupt(), undefined);
  playback.play(audio('a', 400));
  playback.play(audio('b', 500));
  await clock.advance(250);
  assert.deepEqual(playback.interrupt(), { itemId: 'a', contentIndex: 0, playedMs: 250 });
  assert.deepEqual([playback.endsAt, playback.positionMs('a', 0)], [250, 250]);
  assert.equal(playback.positionMs('b', 0), undefined);
  assert.equal(playback.interrupt(), undefined);
  playback.play(audio('c', 100));
  await clock.advance(1000);
  assert.equal(playback.interrupt(), undefined, 'all of it was played');
  assert.equal(playback.endsAt, 350);
});

test('paused playback stands still and admits nothing; resumed playback continues there', async () => {
  const { clock, playback } = newPlayback(1000);
  playback.play(audio('a', 1000));
  await clock.advance(300);
  playback.pause();
  playback.pause();
  const next = playback.admit(200, never);
  await clock.advance(5000);
  assert.equal(await isSettled(next), false);
  assert.deepEqual([playback.positionMs('a', 0), playback.endsAt], [300, 6000]);
  playback.resume();
  playback.resume();
  assert.equal(await isSettled(next), true);
  playback.play(audio('a', 200));
  await clock.advance(800);
  assert.deepEqual([playback.positionMs('a', 0), playback.endsAt], [1100, 6200]);
});

test('a pause also holds back audio that waits for admission', async () => {
  const { clock, playback } = newPlayback(1000);
  playback.play(audio('a', 1000));
  const next = playback.admit(200, never);
  playback.pause();
  await clock.advance(500);
  assert.equal(await isSettled(next), false);
  playback.resume();
  await clock.advance(199);
  assert.equal(await isSettled(next), false);
  await clock.advance(1);
  assert.equal(await isSettled(next), true);
});

test('an interruption during a pause returns the position of the pause', () => {
  const { playback } = newPlayback();
  playback.play(audio('a', 400));
  playback.pause();
  assert.deepEqual(playback.interrupt(), { itemId: 'a', contentIndex: 0, playedMs: 0 });
  playback.resume();
  assert.equal(playback.endsAt, 0);
});

test('waiting ends when its signal is aborted, also during a pause', async () => {
  for (const paused of [false, true]) {
    const { playback } = newPlayback();
    const abort = new AbortController();
    playback.play(audio('a', 2000));
    if (paused) playback.pause();
    const waiting = assert.rejects(playback.admit(100, abort.signal), { name: 'AbortError' });
    abort.abort();
    await waiting;
    await assert.rejects(playback.admit(100, abort.signal), { name: 'AbortError' });
  }
});
