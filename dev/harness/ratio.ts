/** Ratios of paired measurements, and whether a difference exceeds the noise. */

export interface Ratio {
  /** Number of usable pairs. */
  n: number;
  /** The median of the pairs' ratios. */
  ratio: number;
  /** The interval that contains the true median with a confidence of at least 90 %; with few pairs, the whole range. */
  low: number;
  high: number;
  /** `undecided` with too few pairs for that confidence; `WORSE` if the whole interval is beyond the tolerance. */
  verdict: 'better' | 'within noise' | 'worse' | 'WORSE' | 'undecided';
}

/** A cost that grows by more than this, beyond its noise, is `WORSE`. */
export const toleratedRatio = 1.05;
const confidence = 0.9;

/**
 * The interval comes from order statistics (the sign test), so it assumes no distribution.
 *
 * @param pairs this side's figure and the other's, per round; pairs with a figure that is not positive are dropped
 * @param better whether a cost (`less`) or a rate (`more`) was measured
 */
export function ratioOf(pairs: readonly (readonly [number, number])[], better: 'less' | 'more'): Ratio {
  const ratios = pairs
    .filter((pair) => pair.every((value) => Number.isFinite(value) && value > 0))
    .map(([here, there]) => here / there)
    .sort((a, b) => a - b);
  const n = ratios.length;
  const at = (index: number) => ratios[index] ?? Number.NaN;
  const cut = cutOff(n);
  const [low, high] = [at(cut), at(n - 1 - cut)];
  const ratio = (at((n - 1) >> 1) + at(n >> 1)) / 2;
  const decided = n > 0 && missChance(n, 0) <= 1 - confidence;
  const verdict = !decided ? 'undecided' : better === 'less' ? verdictOf(low, high) : verdictOf(1 / high, 1 / low);
  return { n, ratio, low, high, verdict };
}

/** For a cost's ratio. */
function verdictOf(low: number, high: number): Ratio['verdict'] {
  if (low > toleratedRatio) return 'WORSE';
  if (low > 1) return 'worse';
  return high < 1 ? 'better' : 'within noise';
}

/** The number of samples that can be cut off at either end of n sorted ones without losing the confidence. */
function cutOff(n: number): number {
  let cut = 0;
  while (missChance(n, cut + 1) <= 1 - confidence) cut++;
  return cut;
}

/** The probability that the median is outside of the rest when `cut` of n samples are cut off at either end. */
function missChance(n: number, cut: number): number {
  let ways = 1;
  let chance = 0;
  for (let below = 0; below <= cut; below++) {
    chance += (2 * ways) / 2 ** n;
    ways = (ways * (n - below)) / (below + 1);
  }
  return chance;
}
