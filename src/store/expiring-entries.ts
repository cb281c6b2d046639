import type { Clock } from '../core/clock.ts';
import { StoreFullError } from './store.ts';

export interface ExpiringEntry<Value> {
  value: Value;
  /** On the Clock. */
  expiresAt: number;
}

export interface EntriesOptions {
  clock: Clock;
  /** Maximum number of keys. */
  limit: number;
  /** Maximum characters of keys and values. */
  limitCharacters: number;
}

/** A bounded map whose entries expire. */
export class ExpiringEntries<Value extends string | number> {
  readonly #options: EntriesOptions;
  readonly #entries = new Map<string, ExpiringEntry<Value>>();
  #characters = 0;

  constructor(options: EntriesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): ExpiringEntry<Value> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAt > this.#options.clock.now()) return entry;
    this.delete(key);
    return undefined;
  }

  /** @throws {StoreFullError} when there is no room, even after expired entries were dropped */
  put(key: string, entry: ExpiringEntry<Value>): void {
    const known = this.get(key);
    const grows = sizeOf(key, entry) - (known ? sizeOf(key, known) : 0);
    if (known === undefined || grows > 0) this.#makeRoom(known === undefined ? 1 : 0, grows);
    this.#entries.set(key, entry);
    this.#characters += grows;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#characters -= sizeOf(key, entry);
  }

  dropExpired(): void {
    const now = this.#options.clock.now();
    for (const [key, { expiresAt }] of this.#entries) if (expiresAt <= now) this.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#characters = 0;
  }

  #makeRoom(entries: number, characters: number): void {
    const { limit, limitCharacters } = this.#options;
    const limitMet = () => {
      if (this.#entries.size + entries > limit) return `${limit} entries (limits.store-entries)`;
      if (this.#characters + characters <= limitCharacters) return undefined;
      return `${limitCharacters} characters (limits.store-characters)`;
    };
    if (limitMet() === undefined) return;
    this.dropExpired();
    const most = limitMet();
    if (most !== undefined) throw new StoreFullError(most);
  }
}

function sizeOf(key: string, { value }: ExpiringEntry<string | number>): number {
  return key.length + String(value).length;
}
