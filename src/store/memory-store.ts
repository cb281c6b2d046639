import type { Clock } from '../session/ports.ts';
import { type Count, type CountOptions, type Store, StoreFullError } from './store.ts';

interface Entry {
  value: string | number;
  expiresAt: number;
}

export interface MemoryStoreOptions {
  clock: Clock;
  limit: number;
  limitCharacters?: number;
}

/** How often expired entries are looked for, while there are any entries. */
const sweepMs = 60_000;

/** The store of a server that is alone: gone when the process ends. */
export class MemoryStore implements Store {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #limitCharacters: number;
  readonly #entries = new Map<string, Entry>();
  #characters = 0;
  #cancelSweep: (() => void) | undefined;

  /** `limit` counts keys, `limitCharacters` what stands in them and under them. */
  constructor({ clock, limit, limitCharacters = Number.POSITIVE_INFINITY }: MemoryStoreOptions) {
    this.#clock = clock;
    this.#limit = limit;
    this.#limitCharacters = limitCharacters;
  }

  async get(key: string): Promise<string | undefined> {
    const value = this.#live(key)?.value;
    return value === undefined ? undefined : String(value);
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.#put(key, { value, expiresAt: this.#clock.now() + ttlMs });
  }

  async delete(key: string): Promise<void> {
    this.#drop(key);
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
    this.#characters = 0;
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#clock.now()) return entry;
    this.#drop(key);
    return undefined;
  }

  #put(key: string, entry: Entry): void {
    const known = this.#live(key);
    const grows = sizeOf(key, entry) - (known ? sizeOf(key, known) : 0);
    if (known === undefined || grows > 0) this.#makeRoom(known === undefined ? 1 : 0, grows);
    this.#entries.set(key, entry);
    this.#characters += grows;
    this.#cancelSweep ??= this.#clock.after(sweepMs, () => this.#sweep());
  }

  #makeRoom(entries: number, characters: number): void {
    const limitMet = () => {
      if (this.#entries.size + entries > this.#limit) return `${this.#limit} entries (limits.store-entries)`;
      if (this.#characters + characters <= this.#limitCharacters) return undefined;
      return `${this.#limitCharacters} characters (limits.store-characters)`;
    };
    if (limitMet() === undefined) return;
    this.#dropExpired();
    const most = limitMet();
    if (most !== undefined) throw new StoreFullError(most);
  }

  #sweep(): void {
    this.#dropExpired();
    this.#cancelSweep = this.#entries.size > 0 ? this.#clock.after(sweepMs, () => this.#sweep()) : undefined;
  }

  #dropExpired(): void {
    const now = this.#clock.now();
    for (const [key, { expiresAt }] of this.#entries) if (expiresAt <= now) this.#drop(key);
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#characters -= sizeOf(key, entry);
  }
}

function sizeOf(key: string, { value }: Entry): number {
  return key.length + String(value).length;
}
