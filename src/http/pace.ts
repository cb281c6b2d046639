import type { Clock } from '../core/clock.ts';

/** How slow a peer may be. */
export interface PaceLimits {
  /** The slowest that bytes may move, on average. */
  bytesPerSecond: number;
  /** How long nothing has to move at all: what a peer has in hand at first, and the most that it can save up. */
  stallMs: number;
}

interface Transfer extends PaceLimits {
  clock: Clock;
  /** Bytes that have moved so far. */
  movedBytes: () => number;
  /** Whether the peer is what the transfer waits for. Time in which it is not costs the peer nothing. */
  isWaiting: () => boolean;
}

const longestTickMs = 1000;

/**
 * Calls `onSlow`, once, when a peer has used up its time: `stallMs`, and what the bytes that it moves earn at
 * `bytesPerSecond`. Returns what ends the watch.
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
