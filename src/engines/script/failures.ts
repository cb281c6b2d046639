import { setImmediate as nextTurn } from 'node:timers/promises';
import { rejectOnAbort } from '../../core/abort.ts';
import type { Failure } from './script.ts';

/**
 * Fails as configured in the script, after the preceding output was consumed. Returns for a stage that only ends early.
 * @throws {Error} with the script's message; the signal's reason if the stage stalls until it is aborted
 */
export async function fail({ how, message }: Failure, signal: AbortSignal, drop: () => void): Promise<void> {
  if (how === 'end') return;
  if (how === 'throw') throw new Error(message);
  if (how === 'drop') {
    // Lets the preceding output leave the process.
    await nextTurn();
    drop();
  }
  await rejectOnAbort(signal);
}
