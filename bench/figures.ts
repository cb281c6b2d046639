/** The results of a benchmark: sections of figures, each with its method. */

import type { TurnTimes } from './caller.ts';

/** Statistics of a list of samples, without smoothing or outlier removal. */
export interface Summary {
  /** Number of samples. */
  n: number;
  median: number;
  p99: number;
  max: number;
}

export function summarise(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    n: sorted.length,
    median: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

export function quantileOf(samples: readonly number[], share: number): number {
  return quantile(
    samples.toSorted((a, b) => a - b),
    share,
  );
}

/**
 * By nearest rank: the smallest sample that at least this share of all samples does not exceed. NaN without samples.
 */
function quantile(sorted: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export type Unit = 'ms' | 'µs' | '% of a core' | '%' | 'MB' | '/s' | '×' | 'dB' | '';

/** Targets; absent parts have none. */
export interface Aim {
  median?: number;
  p99?: number;
  /** The least median. */
  atLeast?: number;
}

export interface Figure extends Summary {
  name: string;
  unit: Unit;
  aim?: Aim;
  /** As a multiple of the bare limit's median in the same run. */
  timesBare?: number;
}

/** Rows that are compared by several properties. */
export interface Grid {
  columns: readonly string[];
  rows: readonly { name: string; cells: readonly string[] }[];
}

export interface Section {
  title: string;
  /** The method, and the definitions of the figures. */
  how: string;
  figures: Figure[];
  grids?: readonly Grid[];
  /** Reasons to doubt the figures. */
  warnings: string[];
}

/** Whether every target was met; undefined if there is none, or nothing was measured. */
export function reached({ aim, n, median, p99 }: Figure): boolean | undefined {
  if (!aim || n === 0) return undefined;
  return median <= (aim.median ?? Infinity) && p99 <= (aim.p99 ?? Infinity) && median >= (aim.atLeast ?? -Infinity);
}

/** A figure of one measured time over many turns; turns without it are omitted. */
export function turnFigure(
  name: string,
  turns: readonly TurnTimes[],
  time: (turn: TurnTimes) => number | undefined,
  aim?: Aim,
): Figure {
  const samples = turns.map(time).filter((value) => value !== undefined && Number.isFinite(value));
  return { name, unit: 'ms', ...summarise(samples.map(Number)), ...(aim && { aim }) };
}
