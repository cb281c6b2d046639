import type { Clock } from '../core/clock.ts';
import type { Store } from '../store/store.ts';

/** How long the lease of a crashed node's session lasts. */
const ttlMs = 60_000;
/** Two renewals may fail before a lease expires. */
const renewMs = ttlMs / 3;

/** A session's share of the limit of its key. */
export interface SessionLease {
  /** Idempotent. */
  release(): void;
}

/** The leases that this node holds for one key. */
interface KeyLeases {
  ids: Set<string>;
  renewedAt: number;
}

/**
 * Counts the open sessions of each key over all nodes. Each session holds a lease in the store, which its node renews;
 * the leases of a crashed node expire after 60 seconds. Expiry uses the store's clock, so nodes' clocks may differ.
 */
export class SessionLeases {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #keys = new Map<string, KeyLeases>();
  #cancelRenewal: (() => void) | undefined;

  constructor({ store, clock, failed }: { store: Store; clock: Clock; failed: (error: unknown) => void }) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
  }

  /**
   * Takes a lease under a key; undefined if `limit` leases are taken.
   * @throws whatever the store throws
   */
  async acquire(keyName: string, limit: number): Promise<SessionLease | undefined> {
    const known = this.#keys.get(keyName);
    // Renewals are late after the process was suspended or the store unreachable: other nodes must see these leases first.
    if (known && this.#clock.now() - known.renewedAt >= renewMs) await this.#renew(keyName, known);
    const id = crypto.randomUUID();
    const lease = await this.#store.lease(storeKey(keyName), id, { limit, ttlMs });
    if (!lease.held) return undefined;
    const held = this.#keys.get(keyName) ?? { ids: new Set(), renewedAt: this.#clock.now() };
    this.#keys.set(keyName, held);
    held.ids.add(id);
    this.#cancelRenewal ??= this.#schedule();
    return { release: () => this.#release(keyName, id) };
  }

  close(): void {
    this.#cancelRenewal?.();
    this.#cancelRenewal = undefined;
  }

  #release(keyName: string, id: string): void {
    const held = this.#keys.get(keyName);
    if (!held?.ids.delete(id)) return;
    if (held.ids.size === 0) this.#keys.delete(keyName);
    if (this.#keys.size === 0) this.close();
    this.#store.release(storeKey(keyName), id).catch(this.#failed);
  }

  #schedule(): () => void {
    return this.#clock.after(renewMs, () => {
      for (const [keyName, held] of this.#keys) this.#renew(keyName, held).catch(this.#failed);
      this.#cancelRenewal = this.#schedule();
    });
  }

  async #renew(keyName: string, held: KeyLeases): Promise<void> {
    const startedAt = this.#clock.now();
    await Promise.all([...held.ids].map((id) => this.#renewOne(keyName, id, held)));
    held.renewedAt = startedAt;
  }

  async #renewOne(keyName: string, id: string, held: KeyLeases): Promise<void> {
    await this.#store.lease(storeKey(keyName), id, { ttlMs });
    // Released during the renewal.
    if (!held.ids.has(id)) await this.#store.release(storeKey(keyName), id);
  }
}

function storeKey(keyName: string): string {
  return `sessions:${keyName}`;
}
