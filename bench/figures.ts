/** What a benchmark finds: figures in sections, each with how it was measured. */

import type { Summary } from './stats.ts';

export type Unit = 'ms' | 'µs' | '% of a core' | '%' | 'MB' | '/s';

/** What Parley wants to reach; absent parts are not promised. */
export interface Aim {
  median?: number;
  p99?: number;
}

export interface Figure extends Summary {
  name: string;
  unit: Unit;
  aim?: Aim;
  /** How many times the bare limit's median in the same run. */
  timesBare?: number;
}

export interface Section {
  title: string;
  /** How it was measured, and what the words of the figures mean. */
  how: string;
  figures: Figure[];
  /** What makes the figures doubtful. */
  warnings: string[];
}

/** Whether every promised part was reached; undefined when nothing was promised, or nothing measured. */
export function reached({ aim, n, median, p99 }: Figure): boolean | undefined {
  if (!aim || n === 0) return undefined;
  return median <= (aim.median ?? Infinity) && p99 <= (aim.p99 ?? Infinity);
}
