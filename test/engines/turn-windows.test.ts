/** Windows of long turns that are transcribed while they are spoken. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { cutIntoWindows } from '../../src/engines/embedded/moonshine/clip-windows.ts';
import { TurnWindows, type WindowTranscript } from '../../src/engines/embedded/moonshine/turn-windows.ts';
import { PendingAdoption } from '../../src/session/generation/pending-adoption.ts';
import type { WorkClaim } from '../../src/session/ports/work-claim.ts';
import { noise, silence } from './speech.ts';

const claim: WorkClaim = { key: 'key', session: 'session', priority: 'live' };
const { signal } = new AbortController();

function window(samples = 100) {
  return { samples: new Int16Array(samples), sampleRateHz: 16_000 };
}

/** Windows whose transcripts the test resolves. */
function watchedWindows() {
  const started: { claim: WorkClaim; result: PromiseWithResolvers<WindowTranscript> }[] = [];
  const windows = new TurnWindows((_window, claim) => {
    const result = Promise.withResolvers<WindowTranscript>();
    started.push({ claim, result });
    return result.promise;
  });
  return { windows, started, done: (text: string, at = 0) => started[at]?.result.resolve({ type: 'done', text }) };
}

test('the windows of a growing turn stay the same, but for the last', () => {
  const sentence = (seed: number) => concatSamples([noise(2500 + seed * 300, 9000), silence(300)]);
  const audio = concatSamples(Array.from({ length: 30 }, (_, i) => sentence(i % 5)));
  const turn = {};
  const cut = (seconds: number) => [
    ...cutIntoWindows({ samples: audio.subarray(0, seconds * 16_000), sampleRateHz: 16_000, turn }),
  ];
  assert.equal(cut(20).length, 1, 'a turn of 20 s is one window');
  const whole = cut(80).map(({ length }) => length);
  assert.ok(whole.every((length) => length <= 160_000));
  for (const seconds of [21, 35, 50]) {
    const complete = cut(seconds)
      .slice(0, -1)
      .map(({ length }) => length);
    assert.ok(complete.length >= Math.floor(seconds / 10) - 1);
    assert.deepEqual(complete, whole.slice(0, complete.length));
  }
});

test('a window is transcribed once, also for a request that was dropped and for the one after it', async () => {
  const { windows, started, done } = watchedWindows();
  const turn = {};
  const dropped = new AbortController();
  const first = windows.transcript(turn, 0, window(), { claim, signal: dropped.signal });
  dropped.abort(new Error('the speech continues'));
  await assert.rejects(first, /the speech continues/);
  const second = windows.transcript(turn, 0, window(), { claim, signal });
  done('Once.');
  assert.equal((await second).text, 'Once.');
  assert.equal((await windows.transcript(turn, 0, window(), { claim, signal })).text, 'Once.');
  assert.equal(started.length, 1);
});

test('windows of other turns, and windows of another length, are separate', async () => {
  const { windows, started } = watchedWindows();
  const turn = {};
  void windows.transcript(turn, 0, window(), { claim, signal });
  void windows.transcript({}, 0, window(), { claim, signal });
  void windows.transcript(turn, 1, window(), { claim, signal });
  void windows.transcript(turn, 0, window(200), { claim, signal });
  assert.equal(started.length, 4);
});

test('a window that was begun in a pause becomes live work when a conversation waits for it', () => {
  const { windows, started } = watchedWindows();
  const turn = {};
  const ahead = new PendingAdoption();
  void windows.transcript(turn, 0, window(), { claim: { ...claim, adoption: ahead }, signal });
  const [work] = started;
  assert.equal(work?.claim.priority, 'partial');
  assert.equal(work?.claim.adoption?.adopted, false);
  void windows.transcript(turn, 0, window(), { claim, signal });
  assert.equal(work?.claim.adoption?.adopted, true);
});

test('a window that failed is tried again by the next request', async () => {
  const { windows, started, done } = watchedWindows();
  const turn = {};
  const failing = windows.transcript(turn, 0, window(), { claim, signal });
  started[0]?.result.reject(new Error('too busy'));
  await assert.rejects(failing, /too busy/);
  const again = windows.transcript(turn, 0, window(), { claim, signal });
  done('Again.', 1);
  assert.equal((await again).text, 'Again.');
});
