/** Fractions of a millisecond do not add up exactly; less than this is nothing. */
const epsilonMs = 1e-6;

/**
 * A rate that is kept on average, with room for a burst: what is taken comes back evenly. More may be taken than is
 * there, and has to come back first. All times are milliseconds of one clock.
 */
export class TokenBucket {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** When everything that was taken will have come back. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** `perSecond` may be `Infinity`, for no limit at all. */
  constructor({ burst, perSecond }: { burst: number; perSecond: number }) {
    this.#intervalMs = 1000 / perSecond;
    this.#burstMs = burst * this.#intervalMs;
  }

  take(nowMs: number, amount = 1): void {
    this.#fullAt = Math.max(this.#fullAt, nowMs) + amount * this.#intervalMs;
  }

  /** How long until no more is taken than may be; 0 when that is so now. */
  overdrawnMs(nowMs: number): number {
    return atLeastOneMs(this.#fullAt - this.#burstMs - nowMs);
  }

  /** How long until one can be taken; 0 when one can be now. */
  nextMs(nowMs: number): number {
    return atLeastOneMs(Math.max(this.#fullAt, nowMs) + this.#intervalMs - this.#burstMs - nowMs);
  }

  /** How many can be taken now. */
  remaining(nowMs: number): number {
    const freeMs = this.#burstMs - this.fullInMs(nowMs);
    return Math.floor(atLeastOneMs(freeMs + epsilonMs) / this.#intervalMs);
  }

  /** How long until all are back. */
  fullInMs(nowMs: number): number {
    return atLeastOneMs(this.#fullAt - nowMs);
  }
}

function atLeastOneMs(ms: number): number {
  return ms > epsilonMs ? ms : 0;
}
