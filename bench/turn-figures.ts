import type { Aim, Figure } from './figures.ts';
import { summarise } from './stats.ts';
import type { TurnTimes } from './turn-observer.ts';

/** A figure of one time of many turns; turns without it are left out. */
export function turnFigure(
  name: string,
  turns: readonly TurnTimes[],
  time: (turn: TurnTimes) => number | undefined,
  aim?: Aim,
): Figure {
  const samples = turns.map(time).filter((value) => value !== undefined && Number.isFinite(value));
  return { name, unit: 'ms', ...summarise(samples.map(Number)), ...(aim && { aim }) };
}
