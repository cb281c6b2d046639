/**
 * What outlives a session or is shared by several nodes, as text under keys. Every operation touches one key, is
 * atomic, and needs no scan, so that a server such as Redis can take the place of the memory of one process: `GET`,
 * `SET PX`, `DEL`, and for `count` and `hold` scripts of a few lines.
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
  /**
   * Adds an amount to those held under a key, which no text and no counter has, unless they would exceed `limit`
   * together. Each amount expires by itself: after `ttlMs`, or up to `holdStepMs` later.
   * @throws {StoreFullError} when there is no room for another key
   */
  hold(key: string, options: HoldOptions): Promise<Hold>;
  close(): Promise<void>;
}

/** The grain in which held amounts expire, so that a store can add up those of one step. */
export const holdStepMs = 600_000;

export interface HoldOptions {
  amount: number;
  limit: number;
  ttlMs: number;
}

export type Hold =
  | {
      held: true;
      /** Takes the amount back before it expires; safe to call again. */
      release(): Promise<void>;
    }
  | {
      held: false;
      /** When the next of the held amounts expires. */
      expiresInMs: number;
    };

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
