import type { Clock } from '../core/clock.ts';
import type { QuotaRefusal } from '../session/ports/meter.ts';
import type { Store } from './store.ts';

/** What the store of client secrets holds. */
export interface SecretRoomLimits {
  entries: number;
  characters: number;
}

/** What one secret has taken of its key's room. */
export interface ReservedRoom {
  giveBack(): Promise<void>;
}

/** One key may hold one part in so many. */
const share = 4;
/** Secrets are counted until the end of the stretch in which they expire: a counter has one end for all. */
const stretchMs = 600_000;
/** Of the longest life that a secret has, of 2 h. */
const stretches = 7_200_000 / stretchMs + 1;

/** The room of the store that each key may fill with secrets which have not expired, so that it leaves others theirs. */
export class SecretRoom {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #most: number;
  /** Of a secret, in characters: so that secrets which are small take no more entries than their share. */
  readonly #least: number;

  constructor({ store, clock, room }: { store: Store; clock: Clock; room: SecretRoomLimits }) {
    this.#store = store;
    this.#clock = clock;
    this.#most = room.characters / share;
    this.#least = Math.floor(room.characters / room.entries);
  }

  /** Takes room for a secret, or says when there may be some again. A server without keys has one for all. */
  async take(
    keyName: string | undefined,
    { characters, lifeMs }: { characters: number; lifeMs: number },
  ): Promise<ReservedRoom | QuotaRefusal> {
    if (keyName === undefined) return { giveBack: async () => {} };
    const now = this.#clock.epochMs();
    const amount = Math.max(characters, this.#least);
    const first = Math.floor(now / stretchMs);
    const counter = (stretch: number) => `held:${stretch}:${keyName}`;
    const endsInMs = (stretch: number) => (stretch + 1) * stretchMs - now;
    const own = Math.floor((now + lifeMs) / stretchMs);
    const count = (stretch: number, added: number, limit?: number) =>
      this.#store.count(counter(stretch), {
        amount: added,
        ttlMs: endsInMs(stretch),
        ...(limit !== undefined && { limit }),
      });
    const all = Array.from({ length: stretches }, (_, index) => first + index);
    const held = await Promise.all(all.map(async (stretch) => ({ stretch, total: (await count(stretch, 0)).total })));
    const others = held.reduce((sum, { stretch, total }) => sum + (stretch === own ? 0 : total), 0);
    const { admitted } = await count(own, amount, this.#most - others);
    if (admitted) return { giveBack: async () => void (await count(own, -amount)) };
    const next = held.find(({ total }) => total > 0)?.stretch ?? own;
    const retryAfterMs = endsInMs(next);
    const message =
      `the client secrets of one key may fill a quarter of the room for them, and those of this key do. ` +
      `Mint smaller ones, or such as live for a shorter time; some expire within ${Math.ceil(retryAfterMs / 1000)} s.`;
    return { message, retryAfterMs };
  }
}
