import type { Clock } from '../../core/clock.ts';
import { TokenBucket } from '../../core/token-bucket.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { RateLimit } from '../../protocol/wire/server-events.ts';

const secondsPerMinute = 60;

/**
 * Limits the responses of a session per minute. Responses requested by a client are refused beyond it; those triggered
 * by turns count toward the limit but are never refused.
 */
export class ResponseQuota {
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #bucket: TokenBucket;

  /** `perMinute` may be `Infinity`. */
  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
    this.#bucket = new TokenBucket({ burst: perMinute, perSecond: perMinute / secondsPerMinute });
  }

  /** @throws {WireError} when a client has to wait before requesting a response */
  require(): void {
    if (this.#perMinute === Number.POSITIVE_INFINITY) return;
    const waitMs = this.#bucket.nextMs(this.#clock.now());
    if (waitMs > 0) throw wireErrors.tooManyResponsesPerMinute(this.#perMinute, waitMs);
  }

  /** Counts a response. Responses triggered by turns may use up the quota, but do not overdraw it. */
  count(): void {
    const now = this.#clock.now();
    if (this.#bucket.remaining(now) > 0) this.#bucket.take(now);
  }

  /** For `rate_limits.updated`: empty if there is no limit. */
  rateLimits(): RateLimit[] {
    if (this.#perMinute === Number.POSITIVE_INFINITY) return [];
    const now = this.#clock.now();
    return [
      {
        name: 'requests',
        limit: this.#perMinute,
        remaining: this.#bucket.remaining(now),
        reset_seconds: Math.ceil(this.#bucket.fullInMs(now)) / 1000,
      },
    ];
  }
}
