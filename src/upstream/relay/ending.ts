/** What the end of an upstream's connection means: the session's end, or a connection to make again, and how often. */

import type { CloseReason } from '../../session/ports/peer.ts';

/** Going away, no close frame, internal error, restart, try again later, bad gateway: nothing that the session did. */
const losses: ReadonlySet<number> = new Set([1001, 1006, 1011, 1012, 1013, 1014]);
const noStatus = 1005;
const normal = 1000;
const internalError = 1011;

export const tooManyRefused: CloseReason = { code: 1008, reason: 'too many events before the upstream answered' };

/**
 * How clients are to be closed where an upstream ended the session of its own accord; undefined where the connection was
 * lost. `expired`: an error has said that the session's time is over.
 */
export function relayedClose({ code, reason }: CloseReason, expired: boolean): CloseReason | undefined {
  if (losses.has(code) && !(code === 1001 && (expired || reason.includes('session_expired')))) return undefined;
  if (code === noStatus) return { code: normal, reason };
  const sendable = (code >= 1000 && code <= 1014 && code !== 1004) || (code >= 3000 && code <= 4999);
  return sendable ? { code, reason } : { code: internalError, reason };
}

const firstDelayMs = 250;
const longestDelayMs = 8000;
/** A connection that lasted so long was a good one: what comes after it is another loss. */
const stableMs = 60_000;

/** When to try again: each time twice as late, and at most so often before a connection has lasted. */
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

  /** The try that `next` is about; undefined when there was the last. */
  upcoming(): { attempt: number; of: number } | undefined {
    return this.#made < this.#limit ? { attempt: this.#made + 1, of: this.#limit } : undefined;
  }

  /** Milliseconds to wait before the next try, somewhat spread; undefined when there was the last. */
  next(): number | undefined {
    if (this.#made >= this.#limit) return undefined;
    const ms = Math.min(firstDelayMs * 2 ** this.#made++, longestDelayMs);
    return ms * (0.5 + Math.random() / 2);
  }
}
