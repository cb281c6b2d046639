/**
 * What outlives a session or is shared by several nodes, as text under keys. Every operation touches one key, is
 * atomic, and needs no scan, so that a server such as Redis can take the place of the memory of one process: `GET`,
 * `SET PX`, `DEL`, and for `count` a script of a few lines around `INCRBY` and `PEXPIRE`.
 */
export interface Store {
  /** The text that `set` put under a key; undefined when there is none, or it has expired. */
  get(key: string): Promise<string | undefined>;
  /**
   * Puts a text under a key, for `ttlMs`.
   * @throws {StoreFullError} when there is no room for another key
   */
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /**
   * Adds to a counter, whose key no text has, unless that would bring it above `limit`. A counter that does not exist is 0; it lives for
   * `ttlMs` from the first count, and never goes below 0.
   * @throws {StoreFullError} when there is no room for another key
   */
  count(key: string, options: CountOptions): Promise<Count>;
  close(): Promise<void>;
}

export interface CountOptions {
  /** 0 reads the counter; less than 0 takes back. */
  amount: number;
  limit?: number;
  ttlMs: number;
}

export interface Count {
  /** Whether the amount was added. */
  admitted: boolean;
  /** The counter's value now. */
  total: number;
  /** When it begins again at 0. */
  expiresInMs: number;
}

/** The store holds as much as it may. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';

  /** `most` says what it may hold, such as `100 entries (limits.store-entries)`. */
  constructor(most: string) {
    super(`The store is full: it holds at most ${most}. Some will expire; try again later.`);
  }
}
