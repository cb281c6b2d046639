import type { Clock } from '../core/clock.ts';
import { ExpiringEntries } from './expiring-entries.ts';
import { type Count, type CountOptions, type Lease, type LeaseOptions, type Store, StoreFullError } from './store.ts';

export interface MemoryStoreOptions {
  clock: Clock;
  /** Maximum number of texts. */
  limit: number;
  /** Maximum characters of keys and texts. */
  limitCharacters?: number;
}

/** Interval between sweeps for expired entries. */
const sweepMs = 60_000;
/** Each text may have a counter, and each key has some. */
const countersPerText = 2;

/**
 * The store of a server without other nodes: lost when the process ends. Counters and leases have their own room,
 * because the limits of all keys depend on them and one key must not be able to fill it with secrets.
 */
export class MemoryStore implements Store {
  readonly #clock: Clock;
  readonly #texts: ExpiringEntries<string>;
  readonly #counters: ExpiringEntries<number>;
  readonly #leases: Leases;
  #cancelSweep: (() => void) | undefined;

  constructor({ clock, limit, limitCharacters = Number.POSITIVE_INFINITY }: MemoryStoreOptions) {
    this.#clock = clock;
    this.#texts = new ExpiringEntries({ clock, limit, limitCharacters });
    this.#counters = new ExpiringEntries({
      clock,
      limit: countersPerText * limit,
      limitCharacters: Number.POSITIVE_INFINITY,
    });
    this.#leases = new Leases(clock, countersPerText * limit);
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

  async lease(key: string, id: string, options: LeaseOptions): Promise<Lease> {
    const lease = this.#leases.take(key, id, options);
    if (lease.held) this.#cancelSweep ??= this.#schedule();
    return lease;
  }

  async release(key: string, id: string): Promise<void> {
    this.#leases.release(key, id);
  }

  async close(): Promise<void> {
    this.#cancelSweep?.();
    this.#leases.clear();
    this.#texts.clear();
    this.#counters.clear();
  }

  #schedule(): () => void {
    return this.#clock.after(sweepMs, () => {
      const all = [this.#texts, this.#counters, this.#leases];
      for (const entries of all) entries.dropExpired();
      this.#cancelSweep = all.some(({ size }) => size > 0) ? this.#schedule() : undefined;
    });
  }
}

/** Leases by key and id, at most `limit` in total. */
class Leases {
  readonly #clock: Clock;
  readonly #limit: number;
  /** By key and id; times on the Clock. */
  readonly #held = new Map<string, Map<string, { amount: number; expiresAt: number }>>();
  size = 0;

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  take(key: string, id: string, { amount = 1, limit = Number.POSITIVE_INFINITY, ttlMs }: LeaseOptions): Lease {
    this.#dropExpired(key);
    const now = this.#clock.now();
    const leases = this.#held.get(key) ?? new Map<string, { amount: number; expiresAt: number }>();
    const known = leases.get(id);
    if (known === undefined) {
      let total = amount;
      let firstExpiry = now + ttlMs;
      for (const lease of leases.values()) {
        total += lease.amount;
        firstExpiry = Math.min(firstExpiry, lease.expiresAt);
      }
      if (total > limit) return { held: false, expiresInMs: firstExpiry - now };
      if (this.size >= this.#limit) this.dropExpired();
      if (this.size >= this.#limit) throw new StoreFullError(`${this.#limit} leases (2 × limits.store-entries)`);
      this.size += 1;
    }
    leases.set(id, { amount: known?.amount ?? amount, expiresAt: now + ttlMs });
    this.#held.set(key, leases);
    return { held: true };
  }

  release(key: string, id: string): void {
    const leases = this.#held.get(key);
    if (!leases?.delete(id)) return;
    this.size -= 1;
    if (leases.size === 0) this.#held.delete(key);
  }

  dropExpired(): void {
    for (const key of this.#held.keys()) this.#dropExpired(key);
  }

  clear(): void {
    this.#held.clear();
    this.size = 0;
  }

  #dropExpired(key: string): void {
    const now = this.#clock.now();
    for (const [id, { expiresAt }] of this.#held.get(key) ?? []) if (expiresAt <= now) this.release(key, id);
  }
}
