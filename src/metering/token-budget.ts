import type { RateLimit } from '../protocol/server-events.ts';
import type { Clock, SpendingRefusal } from '../session/ports.ts';
import type { Count, Store } from '../store/store.ts';

const minuteMs = 60_000;

/**
 * The tokens that one key may use in a minute, which begins with the first that it uses. The store counts them for all
 * nodes; what is known here of its count answers whoever cannot wait.
 */
export class TokenBudget {
  readonly #options: TokenBudgetOptions;
  #counted = 0;
  /** On the Clock. */
  #resetsAt = 0;
  /** Used, and not confirmed by the store. */
  #underWay = 0;

  constructor(options: TokenBudgetOptions) {
    this.#options = options;
  }

  /** Why nothing more may be used now; undefined when something may, even if it will be more than is left. */
  async refusal(): Promise<SpendingRefusal | undefined> {
    const { keyName, limit } = this.#options;
    try {
      const { total, expiresInMs } = await this.#count(0);
      if (total < limit) return undefined;
      return {
        message:
          `The key '${keyName}' has used its tokens of this minute: the limit is ${limit}, used are ${total}. ` +
          `Try again in ${seconds(expiresInMs)} s.`,
        retryAfterMs: expiresInMs,
      };
    } catch (error) {
      return this.#options.unavailable(error);
    }
  }

  use(tokens: number): void {
    if (tokens > 0) this.#count(tokens).catch((error: unknown) => void this.#options.unavailable(error));
  }

  /** As far as it is known here. */
  get rateLimit(): RateLimit {
    const { limit, clock } = this.#options;
    const leftMs = this.#resetsAt - clock.now();
    const used = (leftMs > 0 ? this.#counted : 0) + this.#underWay;
    const resetMs = leftMs > 0 ? leftMs : minuteMs;
    return {
      name: 'tokens',
      limit,
      remaining: Math.max(0, limit - used),
      reset_seconds: used === 0 ? 0 : seconds(resetMs),
    };
  }

  async #count(amount: number): Promise<Count> {
    const { store, clock, keyName } = this.#options;
    this.#underWay += amount;
    try {
      const count = await store.count(`tokens:${keyName}`, { amount, ttlMs: minuteMs });
      this.#counted = count.total;
      this.#resetsAt = clock.now() + count.expiresInMs;
      return count;
    } finally {
      this.#underWay -= amount;
    }
  }
}

export interface TokenBudgetOptions {
  keyName: string;
  limit: number;
  store: Store;
  clock: Clock;
  /** The store failed: reports it, and says why nothing may be used. */
  unavailable: (error: unknown) => SpendingRefusal;
}

/** To tenths, and never 0 while something is left to wait for. */
export function seconds(ms: number): number {
  return Math.ceil(ms / 100) / 10;
}
