import type { Clock } from '../core/clock.ts';
import { ExpiringEntries } from './expiring-entries.ts';
import { HeldAmounts } from './held-amounts.ts';
import type { Count, CountOptions, Hold, HoldOptions, Store } from './store.ts';

export interface MemoryStoreOptions {
  clock: Clock;
  /** Texts. */
  limit: number;
  /** What stands in the keys of texts and under them. */
  limitCharacters?: number;
}

/** How often expired entries are looked for, while there are any entries. */
const sweepMs = 60_000;
/** A text may have a counter of its own, and there are those of keys. */
const countersPerText = 2;

/**
 * The store of a server that is alone: gone when the process ends. Counters have room of their own: the limits of all
 * keys stand on them, and one key that fills the store with secrets must not stop the others.
 */
export class MemoryStore implements Store {
  readonly #clock: Clock;
  readonly #texts: ExpiringEntries<string>;
  readonly #counters: ExpiringEntries<number>;
  readonly #held: HeldAmounts;
  #cancelSweep: (() => void) | undefined;

  constructor({ clock, limit, limitCharacters = Number.POSITIVE_INFINITY }: MemoryStoreOptions) {
    this.#clock = clock;
    this.#texts = new ExpiringEntries({ clock, limit, limitCharacters });
    this.#counters = new ExpiringEntries({
      clock,
      limit: countersPerText * limit,
      limitCharacters: Number.POSITIVE_INFINITY,
    });
    this.#held = new HeldAmounts({ clock, limit });
  }

  async get(key: string): Promise<string | undefined> {
    return this.#texts.get(key)?.value;
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.#texts.put(key, { value, expiresAt: this.#clock.now() + ttlMs });
    this.#cancelSweep ??= this.#schedule();
  }

  async delete(key: string): Promise<void> {
    this.#texts.delete(key);
    this.#counters.delete(key);
  }

  async count(key: string, { amount, limit = Number.POSITIVE_INFINITY, ttlMs }: CountOptions): Promise<Count> {
    const now = this.#clock.now();
    const { value: before, expiresAt } = this.#counters.get(key) ?? { value: 0, expiresAt: now + ttlMs };
    const after = Math.max(0, before + amount);
    const admitted = amount <= 0 || after <= limit;
    if (admitted && after !== before) {
      this.#counters.put(key, { value: after, expiresAt });
      this.#cancelSweep ??= this.#schedule();
    }
    return { admitted, total: admitted ? after : before, expiresInMs: expiresAt - now };
  }

  async hold(key: string, options: HoldOptions): Promise<Hold> {
    const amount = this.#held.hold(key, options);
    if (!('release' in amount)) return { held: false, ...amount };
    this.#cancelSweep ??= this.#schedule();
    return { held: true, release: async () => amount.release() };
  }

  async close(): Promise<void> {
    this.#cancelSweep?.();
    this.#texts.clear();
    this.#counters.clear();
    this.#held.clear();
  }

  #schedule(): () => void {
    return this.#clock.after(sweepMs, () => {
      const all = [this.#texts, this.#counters, this.#held];
      for (const entries of all) entries.dropExpired();
      this.#cancelSweep = all.some(({ size }) => size > 0) ? this.#schedule() : undefined;
    });
  }
}
