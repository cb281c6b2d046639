import type { Clock } from '../session/ports.ts';
import { type Count, type CountOptions, type Store, StoreFullError } from './store.ts';

interface Entry {
  value: string | number;
  expiresAt: number;
}

/** How often expired entries are looked for, while there are any entries. */
const sweepMs = 60_000;

/** The store of a server that is alone: gone when the process ends. */
export class MemoryStore implements Store {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  #cancelSweep: (() => void) | undefined;

  constructor({ clock, limit }: { clock: Clock; limit: number }) {
    this.#clock = clock;
    this.#limit = limit;
  }

  async get(key: string): Promise<string | undefined> {
    const value = this.#live(key)?.value;
    return value === undefined ? undefined : String(value);
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.#put(key, { value, expiresAt: this.#clock.now() + ttlMs });
  }

  async delete(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async count(key: string, { amount, limit = Number.POSITIVE_INFINITY, ttlMs }: CountOptions): Promise<Count> {
    const now = this.#clock.now();
    const entry = this.#live(key) ?? { value: 0, expiresAt: now + ttlMs };
    const before = Number(entry.value);
    const after = Math.max(0, before + amount);
    const admitted = amount <= 0 || after <= limit;
    if (admitted && after !== before) this.#put(key, { value: after, expiresAt: entry.expiresAt });
    return { admitted, total: admitted ? after : before, expiresInMs: entry.expiresAt - now };
  }

  async close(): Promise<void> {
    this.#cancelSweep?.();
    this.#entries.clear();
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#clock.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #put(key: string, entry: Entry): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.#limit) {
      this.#dropExpired();
      if (this.#entries.size >= this.#limit) throw new StoreFullError(this.#limit);
    }
    this.#entries.set(key, entry);
    this.#cancelSweep ??= this.#clock.after(sweepMs, () => this.#sweep());
  }

  #sweep(): void {
    this.#dropExpired();
    this.#cancelSweep = this.#entries.size > 0 ? this.#clock.after(sweepMs, () => this.#sweep()) : undefined;
  }

  #dropExpired(): void {
    const now = this.#clock.now();
    for (const [key, { expiresAt }] of this.#entries) if (expiresAt <= now) this.#entries.delete(key);
  }
}
