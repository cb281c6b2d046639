import { setImmediate as nextTurn } from 'node:timers/promises';
import { rejectOnAbort } from '../../core/abort.ts';
import type { Failure } from './script.ts';

/**
 * Fails as a script says, once what comes before it was given. Returns where the stage just ends too early.
 * @throws {Error} with the script's message; the signal's reason where the stage hangs until it is stopped
 */
export async function fail({ how, message }: Failure, signal: AbortSignal, drop: () => void): Promise<void> {
  if (how === 'end') return;
  if (how === 'throw') throw new Error(message);
  if (how === 'drop') {
    // What came before has left the process by then.
    await nextTurn();
    drop();
  }
  await rejectOnAbort(signal);
}
