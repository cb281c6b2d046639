/**
 * State that outlives a session or is shared by several nodes. Every operation touches one key, is atomic, and needs no
 * scan, so that a server such as Redis can replace the memory of one process: `GET`, `SET PX`, `DEL`, and short scripts
 * around `INCRBY` and `PEXPIRE` for `count`, and around a sorted set of expiry times for `lease`. Keys of texts,
 * counters and leases are distinct. Times are measured by the store's own clock. An operation that rejects may or may
 * not have taken effect. `storeContract` (store-contract.ts) tests an implementation.
 */
export interface Store {
  /** The text that `set` put under a key; undefined when there is none, or it has expired. */
  get(key: string): Promise<string | undefined>;
  /**
   * Puts a text under a key, for `ttlMs`.
   * @throws {StoreFullError} when there is no room for another key
   */
  set(key: string, value: string, ttlMs: number): Promise<void>;
  /** Deletes a text or a counter. */
  delete(key: string): Promise<void>;
  /**
   * Adds to a counter, whose key no text has, unless that would bring it above `limit`. A counter that does not exist
   * is 0; it lives for `ttlMs` from the first count, and never goes below 0.
   * @throws {StoreFullError} when there is no room for another key
   */
  count(key: string, options: CountOptions): Promise<Count>;
  /**
   * Takes an amount under a key for an id, unless all amounts together would exceed `limit`; or renews the amount that
   * the id holds, which is never refused. It is held for `ttlMs` from the last call.
   * @throws {StoreFullError} when there is no room for another lease
   */
  lease(key: string, id: string, options: LeaseOptions): Promise<Lease>;
  /** Releases the amount that `id` holds under a key, if any. */
  release(key: string, id: string): Promise<void>;
  close(): Promise<void>;
}

export interface CountOptions {
  /** 0 reads the counter; a negative amount decrements it. */
  amount: number;
  limit?: number;
  ttlMs: number;
}

export interface LeaseOptions {
  /** Default: 1. A renewal keeps the original amount. */
  amount?: number;
  /** Maximum sum of all amounts under the key; absent means unlimited. */
  limit?: number;
  ttlMs: number;
}

export type Lease =
  | { held: true }
  /** Time until the next lease under the key expires. */
  | { held: false; expiresInMs: number };

export interface Count {
  /** Whether the amount was added. */
  admitted: boolean;
  /** The current value of the counter. */
  total: number;
  /** Time until the counter resets to 0. */
  expiresInMs: number;
}

/** The store is full. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';

  /** `most` describes its capacity, for example `100 entries (limits.store-entries)`. */
  constructor(most: string) {
    super(`The store is full: it holds at most ${most}. Some will expire; try again later.`);
  }
}
