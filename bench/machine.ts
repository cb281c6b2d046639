/** What the figures were measured on. */

import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  processor: string;
  /** Processors that this process may use. */
  cores: number;
  memoryGiB: number;
  platform: string;
  node: string;
  /** The version of Parley, from package.json. */
  parley: string;
  /** Processes that want to run, on average over the last minute. */
  loadAverage: number;
  startedAt: string;
}

/** Beyond this share of the cores, others are using the machine: latencies are then theirs too. */
const busyShare = 0.25;

export async function describeMachine(): Promise<Machine> {
  const manifest: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '';
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    parley: String(version),
    loadAverage: loadavg()[0] ?? 0,
    startedAt: new Date().toISOString(),
  };
}

/** A warning when the machine is not idle; null where that cannot be told, or it is. */
export function busyWarning({ loadAverage, cores }: Machine): string | null {
  if (loadAverage <= cores * busyShare) return null;
  return (
    `The load average is ${loadAverage.toFixed(2)} on ${cores} cores before anything was started: ` +
    'other programs are running, and every figure below may be too high because of them.'
  );
}
