/** Absorbs rounding errors of fractional milliseconds. */
const epsilonMs = 1e-6;

/**
 * A token bucket: an average rate with room for a burst. `take` may overdraw it, and the overdraft refills first. All
 * times are milliseconds of one clock.
 */
export class TokenBucket {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** When the bucket will be full again. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** `perSecond` may be `Infinity`, for no limit. */
  constructor({ burst, perSecond }: { burst: number; perSecond: number }) {
    this.#intervalMs = 1000 / perSecond;
    this.#burstMs = burst * this.#intervalMs;
  }

  take(nowMs: number, amount = 1): void {
    this.#fullAt = Math.max(this.#fullAt, nowMs) + amount * this.#intervalMs;
  }

  /** Time until the bucket is no longer overdrawn; 0 if it is not. */
  overdrawnMs(nowMs: number): number {
    return atLeastOneMs(this.#fullAt - this.#burstMs - nowMs);
  }

  /** Time until a token is available; 0 if one is available now. */
  nextMs(nowMs: number): number {
    return atLeastOneMs(Math.max(this.#fullAt, nowMs) + this.#intervalMs - this.#burstMs - nowMs);
  }

  /** Tokens available now. */
  remaining(nowMs: number): number {
    const freeMs = this.#burstMs - this.fullInMs(nowMs);
    return Math.floor(atLeastOneMs(freeMs + epsilonMs) / this.#intervalMs);
  }

  /** Time until the bucket is full. */
  fullInMs(nowMs: number): number {
    return atLeastOneMs(this.#fullAt - nowMs);
  }
}

function atLeastOneMs(ms: number): number {
  return ms > epsilonMs ? ms : 0;
}
