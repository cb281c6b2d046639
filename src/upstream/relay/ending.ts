/** Decides what happens when an upstream connection ends: the session ends too, or Parley reconnects. */

import type { CloseReason } from '../../session/ports/peer.ts';

/** Going away, no close frame, internal error, restart, try again later, bad gateway: not caused by the session. */
const losses: ReadonlySet<number> = new Set([1001, 1006, 1011, 1012, 1013, 1014]);
/** The close reason of the hosted service at its session limit, and of earlier versions of it and of Parley. */
const expiry = /maximum duration|session_expired/;
const noStatus = 1005;
const normal = 1000;
const internalError = 1011;

export const tooManyRefused: CloseReason = { code: 1008, reason: 'too many events before the upstream answered' };

/**
 * How to close the clients if an upstream ended the session deliberately; undefined if the connection was lost.
 * `expired`: an error has announced the session's expiry.
 */
export function relayedClose({ code, reason }: CloseReason, expired: boolean): CloseReason | undefined {
  if (losses.has(code) && !(code === 1001 && (expired || expiry.test(reason)))) return undefined;
  if (code === noStatus) return { code: normal, reason };
  const sendable = (code >= 1000 && code <= 1014 && code !== 1004) || (code >= 3000 && code <= 4999);
  return sendable ? { code, reason } : { code: internalError, reason };
}

const firstDelayMs = 250;
const longestDelayMs = 8000;
/** A connection that lasted this long resets the retries. */
const stableMs = 60_000;

/** Schedules reconnection attempts, with a delay that doubles each time, up to a maximum number. */
export class Retries {
  readonly #limit: number;
  #made = 0;
  #connectedAtMs = Number.NEGATIVE_INFINITY;

  constructor(limit: number) {
    this.#limit = limit;
  }

  connected(nowMs: number): void {
    this.#connectedAtMs = nowMs;
  }

  lost(nowMs: number): void {
    if (nowMs - this.#connectedAtMs >= stableMs) this.#made = 0;
  }

  /** The number of the attempt that `next` schedules; undefined after the last. */
  upcoming(): { attempt: number; of: number } | undefined {
    return this.#made < this.#limit ? { attempt: this.#made + 1, of: this.#limit } : undefined;
  }

  /** Delay before the next attempt in milliseconds, with jitter; undefined after the last. */
  next(): number | undefined {
    if (this.#made >= this.#limit) return undefined;
    const ms = Math.min(firstDelayMs * 2 ** this.#made++, longestDelayMs);
    return ms * (0.5 + Math.random() / 2);
  }
}
