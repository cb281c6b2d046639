import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Playback } from '../../src/cli/ask/playback.ts';

const rate = 1000;
const tone = (count: number, value: number) => new Int16Array(count).fill(value);
const piece = (itemId: string, count: number, value = 1) => ({ itemId, contentIndex: 0, samples: tone(count, value) });

test('early chunks play consecutively, late ones after a gap', () => {
  const playback = new Playback(rate);
  assert.equal(playback.add(piece('a', 3, 1), 2), 2);
  assert.equal(playback.add(piece('a', 2, 2), 3), 5);
  assert.equal(playback.add(piece('b', 1, 3), 9), 9);
  assert.deepEqual([...playback.render()], [0, 0, 1, 1, 1, 2, 2, 0, 0, 3]);
});

test('an interruption stops playback, drops the queue, and returns the played duration', () => {
  const playback = new Playback(rate);
  playback.add(piece('a', 400), 100);
  playback.add(piece('a', 400), 110);
  playback.add(piece('b', 400), 120);
  assert.deepEqual(playback.interrupt(650), { itemId: 'a', contentIndex: 0, playedMs: 550 });
  assert.equal(playback.render().length, 650);
  assert.equal(playback.isPlaying(650), false);
  assert.equal(playback.add(piece('c', 10), 700), 700);
});

test('an interruption counts from the start of the current item', () => {
  const playback = new Playback(rate);
  playback.add(piece('a', 400), 0);
  playback.add(piece('b', 400), 0);
  assert.deepEqual(playback.interrupt(500), { itemId: 'b', contentIndex: 0, playedMs: 100 });
});

test('there is nothing to interrupt after the end of playback', () => {
  const playback = new Playback(rate);
  playback.add(piece('a', 100), 0);
  assert.equal(playback.interrupt(100), null);
  assert.equal(playback.render().length, 100);
});
