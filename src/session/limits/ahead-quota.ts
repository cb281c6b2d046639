import type { Clock } from '../../core/clock.ts';
import { TokenBucket } from '../../core/token-bucket.ts';

const secondsPerMinute = 60;

/** Limits the answers per minute that are started ahead and not used, for all sessions of a key. */
export class AheadQuota {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#bucket = new TokenBucket({ burst: perMinute, perSecond: perMinute / secondsPerMinute });
  }

  /** Whether another answer may be started ahead. */
  get isFree(): boolean {
    return this.#bucket.nextMs(this.#clock.now()) === 0;
  }

  /** Counts an answer that was not used. */
  count(): void {
    this.#bucket.take(this.#clock.now());
  }
}

/** The quotas of all keys. */
export class AheadQuotas {
  readonly #clock: Clock;
  readonly #perMinute: number;
  /** By the name of a key: there are as many as the configuration has. */
  readonly #quotas = new Map<string, AheadQuota>();

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  forKey(name: string): AheadQuota {
    const quota = this.#quotas.get(name) ?? new AheadQuota(this.#clock, this.#perMinute);
    this.#quotas.set(name, quota);
    return quota;
  }
}
