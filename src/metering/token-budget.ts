import type { Clock } from '../core/clock.ts';
import type { RateLimit } from '../protocol/wire/server-events.ts';
import type { ExpectedTokens, QuotaRefusal, Reservation, ResponseAdmission } from '../session/ports/meter.ts';
import type { Count, Store } from '../store/store.ts';

const minuteMs = 60_000;
/** Reserved for the output of a response without a limit: the maximum of `max_output_tokens`. */
const outputAllowance = 4096;

/**
 * The tokens that one key may use per minute, which starts with its first tokens. The store counts them for all nodes;
 * a local copy of the count answers synchronous questions.
 */
export class TokenBudget {
  readonly #options: TokenBudgetOptions;
  #counted = 0;
  /** On the Clock. */
  #resetsAt = 0;
  /** Used, reserved or released, and not confirmed by the store. */
  #underWay = 0;
  /** The fractional part of the usage, because the store counts integers. */
  #fraction = 0;

  constructor(options: TokenBudgetOptions) {
    this.#options = options;
  }

  /** Why no more tokens may be used now; undefined if some are left, even if they will not suffice. */
  async refusal(): Promise<QuotaRefusal | undefined> {
    const { limit } = this.#options;
    try {
      const { total, expiresInMs } = await this.#count(0);
      return total < limit ? undefined : this.#exhausted({ total, expiresInMs });
    } catch (error) {
      return this.#options.unavailable(error);
    }
  }

  /**
   * Reserves the tokens that a response may use, so that concurrent responses cannot all spend the same remainder. Like
   * `refusal`, admits a response while anything is left.
   */
  async reserve({ input, output }: ExpectedTokens): Promise<ResponseAdmission> {
    const amount = Math.max(1, Math.ceil(input + (output === 'inf' ? outputAllowance : output)));
    try {
      const count = await this.#count(amount, this.#options.limit - 1 + amount);
      return count.admitted ? { reservation: this.#reservation(amount, count) } : { refusal: this.#exhausted(count) };
    } catch (error) {
      return { refusal: this.#options.unavailable(error) };
    }
  }

  use(tokens: number): void {
    if (tokens > 0) this.#add(tokens);
  }

  /** Remaining tokens, as far as this node knows. */
  get rateLimit(): RateLimit {
    const { limit, clock } = this.#options;
    const leftMs = this.#resetsAt - clock.now();
    const used = Math.max(0, (leftMs > 0 ? this.#counted : 0) + this.#underWay);
    const resetMs = leftMs > 0 ? leftMs : minuteMs;
    return {
      name: 'tokens',
      limit,
      remaining: Math.max(0, limit - used),
      reset_seconds: used === 0 ? 0 : seconds(resetMs),
    };
  }

  /** After its minute, only the excess of a reservation counts: the rest belonged to that minute. */
  #reservation(amount: number, { expiresInMs }: Count): Reservation {
    const { clock } = this.#options;
    const endsAt = clock.now() + expiresInMs;
    let settled = false;
    return {
      settle: (usedTokens) => {
        if (settled) return;
        settled = true;
        const more = usedTokens - amount;
        if (more > 0 || clock.now() < endsAt) this.#add(more);
      },
    };
  }

  #exhausted({ total, expiresInMs }: Pick<Count, 'total' | 'expiresInMs'>): QuotaRefusal {
    const { keyName, limit } = this.#options;
    return {
      message:
        `The key '${keyName}' has used its tokens of this minute: the limit is ${limit}, used or set aside for ` +
        `responses that run are ${total}. Try again in ${seconds(expiresInMs)} s.`,
      retryAfterMs: expiresInMs,
    };
  }

  #add(tokens: number): void {
    const sum = this.#fraction + tokens;
    const whole = Math.floor(sum);
    this.#fraction = sum - whole;
    if (whole !== 0) this.#count(whole).catch((error: unknown) => void this.#options.unavailable(error));
  }

  async #count(amount: number, limit = Number.POSITIVE_INFINITY): Promise<Count> {
    const { store, clock, keyName } = this.#options;
    this.#underWay += amount;
    try {
      const count = await store.count(`tokens:${keyName}`, { amount, limit, ttlMs: minuteMs });
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
  /** The store failed: logs it, and returns the reason for the refusal. */
  unavailable: (error: unknown) => QuotaRefusal;
}

/** In tenths of a second, at least 0.1 while there is something to wait for. */
export function seconds(ms: number): number {
  return Math.ceil(ms / 100) / 10;
}
