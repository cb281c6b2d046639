import type { Clock } from '../core/clock.ts';

/** Lower bounds on the speed of a transfer. */
export interface PaceLimits {
  /** Minimum average rate. */
  bytesPerSecond: number;
  /** Time without progress that is tolerated: the initial credit, and the most that a peer can accumulate. */
  stallMs: number;
}

interface Transfer extends PaceLimits {
  clock: Clock;
  /** Bytes transferred so far. */
  movedBytes: () => number;
  /** Whether the transfer is waiting for the peer. Other time does not count against the peer. */
  isWaiting: () => boolean;
}

const longestTickMs = 1000;

/**
 * Calls `onSlow` once when a peer has used up its credit: `stallMs`, plus the time that its bytes take at
 * `bytesPerSecond`. Returns a function that stops watching.
 */
export function watchPace(transfer: Transfer, onSlow: () => void): () => void {
  const { clock, bytesPerSecond, stallMs, movedBytes, isWaiting } = transfer;
  const tickMs = Math.min(longestTickMs, stallMs / 4);
  let leftMs = stallMs;
  let moved = movedBytes();
  let cancel = () => {};
  const tick = () => {
    const before = moved;
    moved = movedBytes();
    if (isWaiting()) leftMs -= tickMs;
    leftMs = Math.min(stallMs, leftMs + ((moved - before) / bytesPerSecond) * 1000);
    if (leftMs <= 0) onSlow();
    else cancel = clock.after(tickMs, tick);
  };
  cancel = clock.after(tickMs, tick);
  return () => cancel();
}
