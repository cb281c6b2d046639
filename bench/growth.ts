/** Growth of a server's memory, sockets and timers over generations of sessions. */

import { type Figure, summarise } from './figures.ts';
import type { ServerResources } from './server-process.ts';

/** `after`: measured after each generation, of which the first loads code. */
export function growth(after: readonly ServerResources[]): Figure[] {
  return [
    ...figures('held memory', 'MB', after, ({ heldMB }) => heldMB, 1),
    ...figures('resident memory', 'MB', after, ({ residentMB }) => residentMB),
    ...figures('sockets', '', after, ({ sockets }) => sockets, 0),
    ...figures('timers', '', after, ({ timers }) => timers, 0),
  ];
}

function figures(
  name: string,
  unit: Figure['unit'],
  after: readonly ServerResources[],
  of: (memory: ServerResources) => number,
  most?: number,
): Figure[] {
  const values = after.map(of);
  const grown = (values.at(-1) ?? Number.NaN) - (values[1] ?? Number.NaN);
  const aim = most === undefined ? {} : { aim: { median: most } };
  return [
    { name, unit, ...summarise(values) },
    { name: '  growth', unit, n: 1, median: grown, p99: grown, max: grown, ...aim },
  ];
}
