import type { Clock } from '../core/clock.ts';
import { type HoldOptions, holdStepMs, StoreFullError } from './store.ts';

/** An amount that is held under a key. */
export interface HeldAmount {
  /** Safe to call again, and after the amount has expired. */
  release(): void;
}

/** Amounts under keys, each until its own end: those of a key that expire in the same step are one number. */
export class HeldAmounts {
  readonly #clock: Clock;
  readonly #limit: number;
  /** By key, and by the end of their step on the Clock. */
  readonly #amounts = new Map<string, Map<number, number>>();

  /** `limit`: keys. */
  constructor({ clock, limit }: { clock: Clock; limit: number }) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#amounts.size;
  }

  /**
   * Holds an amount, or says when the first of the key's amounts expires.
   * @throws {StoreFullError} when there are as many keys as there may be
   */
  hold(key: string, { amount, limit, ttlMs }: HoldOptions): HeldAmount | { expiresInMs: number } {
    const now = this.#clock.now();
    const ends = Math.ceil((now + ttlMs) / holdStepMs) * holdStepMs;
    const steps = this.#current(key);
    const total = [...steps.values()].reduce((sum, each) => sum + each, 0);
    if (total + amount > limit) return { expiresInMs: (steps.size === 0 ? ends : Math.min(...steps.keys())) - now };
    if (!this.#amounts.has(key)) this.#makeRoom();
    this.#amounts.set(key, steps.set(ends, (steps.get(ends) ?? 0) + amount));
    let held = true;
    return {
      release: () => {
        if (held) this.#release(key, ends, amount);
        held = false;
      },
    };
  }

  dropExpired(): void {
    for (const key of [...this.#amounts.keys()]) this.#current(key);
  }

  clear(): void {
    this.#amounts.clear();
  }

  /** What a key holds now; empty, and not in the map, where that is nothing. */
  #current(key: string): Map<number, number> {
    const steps = this.#amounts.get(key) ?? new Map<number, number>();
    const now = this.#clock.now();
    for (const ends of [...steps.keys()]) if (ends <= now) steps.delete(ends);
    if (steps.size === 0) this.#amounts.delete(key);
    return steps;
  }

  #release(key: string, ends: number, amount: number): void {
    const steps = this.#amounts.get(key);
    const held = steps?.get(ends);
    if (steps === undefined || held === undefined) return;
    if (held > amount) steps.set(ends, held - amount);
    else steps.delete(ends);
    if (steps.size === 0) this.#amounts.delete(key);
  }

  #makeRoom(): void {
    if (this.#amounts.size < this.#limit) return;
    this.dropExpired();
    if (this.#amounts.size >= this.#limit) throw new StoreFullError(`${this.#limit} keys of held amounts`);
  }
}
