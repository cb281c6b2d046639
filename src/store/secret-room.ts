import type { QuotaRefusal } from '../session/ports/meter.ts';
import type { Store } from './store.ts';

/** What the store of client secrets holds. */
export interface SecretRoomLimits {
  entries: number;
  characters: number;
}

/** Room that is taken. */
export interface TakenRoom {
  release(): Promise<void>;
}

/** One key may hold one part in so many. */
const share = 4;

/** The room of the store that each key may fill with secrets which have not expired, so that it leaves others theirs. */
export class SecretRoom {
  readonly #store: Store;
  readonly #most: number;
  /** Of a secret, in characters: so that secrets which are small take no more entries than their share. */
  readonly #least: number;

  constructor({ store, room }: { store: Store; room: SecretRoomLimits }) {
    this.#store = store;
    this.#most = room.characters / share;
    this.#least = Math.floor(room.characters / room.entries);
  }

  /** Takes room for a secret, or says when there may be some again. A server without keys has one room for all. */
  async take(
    keyName: string | undefined,
    { characters, lifeMs }: { characters: number; lifeMs: number },
  ): Promise<TakenRoom | QuotaRefusal> {
    if (keyName === undefined) return { release: async () => {} };
    const amount = Math.max(characters, this.#least);
    const key = `secrets:${keyName}`;
    const id = crypto.randomUUID();
    const lease = await this.#store.lease(key, id, { amount, limit: this.#most, ttlMs: lifeMs });
    if (lease.held) return { release: () => this.#store.release(key, id) };
    const message =
      `the client secrets of one key may fill a quarter of the room for them, and those of this key do. ` +
      `Mint smaller ones, or such as live for a shorter time; some expire within ${Math.ceil(lease.expiresInMs / 1000)} s.`;
    return { message, retryAfterMs: lease.expiresInMs };
  }
}
