import type { QuotaRefusal } from '../session/ports/meter.ts';
import type { Store } from './store.ts';

/** Capacity of the store of client secrets. */
export interface SecretRoomLimits {
  entries: number;
  characters: number;
}

/** Reserved capacity. */
export interface TakenRoom {
  release(): Promise<void>;
}

/** The share of one key is the capacity divided by this number. */
const share = 4;

/** Limits the share of the store that one key may fill with unexpired secrets. */
export class SecretRoom {
  readonly #store: Store;
  readonly #limit: number;
  /** Minimum size of a secret in characters, so that small secrets do not use more than their share of the entries. */
  readonly #minimum: number;

  constructor({ store, room }: { store: Store; room: SecretRoomLimits }) {
    this.#store = store;
    this.#limit = room.characters / share;
    this.#minimum = Math.floor(room.characters / room.entries);
  }

  /** Reserves room for a secret, or returns when to retry. On a server without keys all clients share one room. */
  async take(
    keyName: string | undefined,
    { characters, lifeMs }: { characters: number; lifeMs: number },
  ): Promise<TakenRoom | QuotaRefusal> {
    if (keyName === undefined) return { release: async () => {} };
    const amount = Math.max(characters, this.#minimum);
    const key = `secrets:${keyName}`;
    const id = crypto.randomUUID();
    const lease = await this.#store.lease(key, id, { amount, limit: this.#limit, ttlMs: lifeMs });
    if (lease.held) return { release: () => this.#store.release(key, id) };
    const message =
      `the client secrets of this key fill its share, a quarter of the room for client secrets. ` +
      `Create smaller ones, or ones with a shorter lifetime; some expire within ${Math.ceil(lease.expiresInMs / 1000)} s.`;
    return { message, retryAfterMs: lease.expiresInMs };
  }
}
