/** The verdict of `npm run bench -- --compare`, which determines its exit status. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ratioOf } from '../../dev/harness/ratio.ts';

/** Pairs with these ratios. */
const pairs = (...ratios: number[]) => ratios.map((ratio) => [ratio * 40, 40] as const);

test('five pairs are all used, and of twelve the two extremes at either end are dropped', () => {
  const five = ratioOf(pairs(1.2, 0.9, 1, 1.1, 1.3), 'less');
  assert.deepEqual([five.n, five.ratio, five.low, five.high], [5, 1.1, 0.9, 1.3]);
  const twelve = ratioOf(pairs(0.5, 0.9, 1, 1, 1, 1, 1.5, 1.5, 1.5, 1.6, 2, 9), 'less');
  assert.deepEqual([twelve.n, twelve.ratio, twelve.low, twelve.high], [12, 1.25, 1, 1.6]);
});

test('a cost is WORSE only if its whole interval is above 5 %', () => {
  assert.equal(ratioOf(pairs(1.06, 1.2, 1.1, 1.3, 1.1), 'less').verdict, 'WORSE');
  assert.equal(ratioOf(pairs(1.04, 1.2, 1.1, 1.3, 1.1), 'less').verdict, 'worse');
  assert.equal(ratioOf(pairs(0.99, 1.2, 1.1, 1.3, 1.1), 'less').verdict, 'within noise');
  assert.equal(ratioOf(pairs(0.9, 0.8, 0.99, 0.7, 0.9), 'less').verdict, 'better');
});

test('for a rate, lower is worse', () => {
  assert.equal(ratioOf(pairs(0.9, 0.8, 0.94, 0.7, 0.9), 'more').verdict, 'WORSE');
  assert.equal(ratioOf(pairs(1.2, 1.1, 1.3, 1.1, 1.2), 'more').verdict, 'better');
});

test('pairs that cannot be divided are skipped, and too few pairs give no verdict', () => {
  const ratio = ratioOf([[2, 0], [-1, 1], [Number.NaN, 1], ...pairs(1.5, 1.5, 1.5, 1.5)], 'less');
  assert.deepEqual([ratio.n, ratio.verdict], [4, 'undecided']);
  assert.equal(ratioOf([], 'less').verdict, 'undecided');
});
