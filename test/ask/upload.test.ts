import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Upload } from '../../src/cli/ask/upload.ts';

const sampleRateHz = 1000;

function drain(upload: Upload, elapsedMs: number): number[] {
  const out: number[] = [];
  for (let chunk = upload.next(elapsedMs); chunk !== null; chunk = upload.next(elapsedMs)) out.push(...chunk);
  return out;
}

test('a recording is sent in real time, and catches up after a delay', () => {
  const upload = new Upload(new Int16Array(100).fill(7), { sampleRateHz, trailingSilenceMs: 0, fast: false });
  assert.equal(drain(upload, 0).length, 20);
  assert.equal(drain(upload, 19).length, 0);
  assert.equal(drain(upload, 65).length, 60);
  assert.equal(drain(upload, 1000).length, 20);
  assert.equal(upload.silenceSentMs, 0);
});

test('silence follows without a gap, for the requested duration', () => {
  const upload = new Upload(new Int16Array(30).fill(7), { sampleRateHz, trailingSilenceMs: Infinity, fast: false });
  assert.deepEqual(drain(upload, 20), [...new Array(30).fill(7), ...new Array(10).fill(0)]);
  assert.equal(drain(upload, 1020).length, 1000);
  assert.equal(upload.silenceSentMs, 1010);
});

test('fast: everything is due immediately, with the silence that ends the turn', () => {
  const upload = new Upload(new Int16Array(2500), { sampleRateHz, trailingSilenceMs: 1200, fast: true });
  assert.equal(drain(upload, 0).length, 3700);
});
