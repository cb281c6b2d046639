/** The processors of a process, as far as Linux tells: restricts it to some, and how long it waits for them. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * Restricts all threads of a process to these processors (`0`, `1-3`); returns whether that was possible. With a single
 * processor there is nothing to separate.
 */
export function restrict(pid: number | undefined, processors: string): boolean {
  if (pid === undefined || process.platform !== 'linux' || availableParallelism() < 2) return false;
  return spawnSync('taskset', ['-a', '-c', '-p', processors, String(pid)], { stdio: 'ignore' }).status === 0;
}

/** Milliseconds that the threads of a process have waited for a processor; undefined where that is unknown. */
export function waitedMs(pid: number | undefined): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((id) =>
      readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8'),
    );
    // Time on a processor, time in its queue (both in nanoseconds), and the number of turns.
    return threads.reduce((sum, times) => sum + Number(times.split(' ')[1]) / 1e6, 0);
  } catch {
    return undefined;
  }
}
