/** Ratios of figures that were measured in pairs, and whether a difference is more than noise. */

export interface Ratio {
  /** Pairs that could be used. */
  n: number;
  /** The median of the pairs' ratios. */
  ratio: number;
  /** The interval that holds the true median with a confidence of at least 90 %; with few pairs, all that was seen. */
  low: number;
  high: number;
  /** `undecided` when there are too few pairs for that confidence; `WORSE` when the whole interval is beyond what is tolerated. */
  verdict: 'better' | 'within noise' | 'worse' | 'WORSE' | 'undecided';
}

/** A cost that grows by more than this, beyond its noise, is `WORSE`. */
export const toleratedRatio = 1.05;
const confidence = 0.9;

/**
 * The interval comes from order statistics (the sign test), so it assumes no distribution.
 *
 * @param pairs this side's figure and the other's, of each round; pairs with a figure that is not positive are left out
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

/** Of the interval of a cost's ratio. */
function verdictOf(low: number, high: number): Ratio['verdict'] {
  if (low > toleratedRatio) return 'WORSE';
  if (low > 1) return 'worse';
  return high < 1 ? 'better' : 'within noise';
}

/** How many of n sorted samples can be cut off at either end without losing the confidence. */
function cutOff(n: number): number {
  let cut = 0;
  while (missChance(n, cut + 1) <= 1 - confidence) cut++;
  return cut;
}

/** The chance that the median lies outside of what is left when `cut` of n samples are cut off at either end. */
function missChance(n: number, cut: number): number {
  let ways = 1;
  let chance = 0;
  for (let below = 0; below <= cut; below++) {
    chance += (2 * ways) / 2 ** n;
    ways = (ways * (n - below)) / (below + 1);
  }
  return chance;
}
