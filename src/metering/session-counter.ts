import type { Clock } from '../core/clock.ts';
import type { Count, Store } from '../store/store.ts';

const windowMs = 60_000;
/** How long before a window begins the sessions that live are counted into it. Nodes' clocks may differ by as much. */
const aheadMs = 10_000;

/** What this node has added to the store for one key. */
interface Own {
  live: number;
  /** By window: the number of minutes since the epoch. */
  counted: Map<number, number>;
}

/**
 * How many sessions of a key live at once, over all nodes. A counter in the store cannot be prolonged, and must not
 * outlive a node that crashed; so there is one counter for each minute, and shortly before a minute begins every node
 * counts its live sessions into it. What a crashed node has counted is forgotten 70 seconds later at most.
 */
export class SessionCounter {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #keys = new Map<string, Own>();
  #cancelCarry: (() => void) | undefined;

  constructor({ store, clock, failed }: { store: Store; clock: Clock; failed: (error: unknown) => void }) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
  }

  /**
   * Counts one more, unless there are `limit`.
   * @throws what the store throws
   */
  async enter(keyName: string, limit: number): Promise<Count> {
    const window = this.#window();
    // Nothing is missing here, unless the process stood still when it should have been counted.
    await this.#carry(keyName, window);
    const count = await this.#add(keyName, window, { amount: 1, limit });
    if (!count.admitted) return count;
    const own = this.#keys.get(keyName) ?? { live: 0, counted: new Map() };
    this.#keys.set(keyName, own);
    own.live += 1;
    own.counted.set(window, (own.counted.get(window) ?? 0) + 1);
    if (this.#untilNextMs() <= aheadMs) this.#carry(keyName, window + 1).catch(this.#failed);
    this.#cancelCarry ??= this.#schedule();
    return count;
  }

  leave(keyName: string): void {
    const own = this.#keys.get(keyName);
    if (own === undefined) return;
    own.live -= 1;
    const current = this.#window();
    for (const [window, counted] of own.counted) {
      if (window < current || counted === 0) continue;
      own.counted.set(window, counted - 1);
      this.#add(keyName, window, { amount: -1 }).catch(this.#failed);
    }
    if (own.live === 0) this.#keys.delete(keyName);
    if (this.#keys.size === 0) this.close();
  }

  close(): void {
    this.#cancelCarry?.();
    this.#cancelCarry = undefined;
  }

  /** Sees to it that all of this node's sessions are counted in a window. */
  async #carry(keyName: string, window: number): Promise<void> {
    const own = this.#keys.get(keyName);
    if (own === undefined) return;
    const missing = own.live - (own.counted.get(window) ?? 0);
    // Noted before it is done: whoever enters or leaves meanwhile goes by it.
    own.counted.set(window, own.live);
    if (missing <= 0) return;
    try {
      await this.#add(keyName, window, { amount: missing });
    } catch (error) {
      own.counted.set(window, Math.max(0, (own.counted.get(window) ?? 0) - missing));
      throw error;
    }
  }

  #schedule(): () => void {
    const ms = this.#untilNextMs() - aheadMs;
    return this.#clock.after(ms > 0 ? ms : ms + windowMs, () => {
      const next = this.#window() + 1;
      for (const [keyName, { counted }] of this.#keys) {
        for (const window of counted.keys()) if (window < next - 1) counted.delete(window);
        this.#carry(keyName, next).catch(this.#failed);
      }
      this.#cancelCarry = this.#schedule();
    });
  }

  #window(): number {
    return Math.floor(this.#clock.epochMs() / windowMs);
  }

  #untilNextMs(): number {
    return windowMs - (this.#clock.epochMs() % windowMs);
  }

  #add(keyName: string, window: number, change: { amount: number; limit?: number }): Promise<Count> {
    return this.#store.count(`sessions:${keyName}:${window}`, { ...change, ttlMs: 2 * windowMs });
  }
}
