import type { Clock } from '../../core/clock.ts';

interface LifetimeListener {
  /** The session has lived as long as it may. */
  expired(): void;
  /** Nothing has happened in it for as long as may be. */
  idle(): void;
  /** Until when something goes on by itself, on the Clock: `Infinity` while a response runs. */
  busyUntil(): number;
}

/** How long a session lives. Milliseconds; `idleMs` may be `Infinity`. */
export class Lifetime {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #listener: LifetimeListener;
  readonly #cancelExpiry: () => void;
  #cancelIdle: () => void = () => {};
  #activeAtMs: number;

  constructor(clock: Clock, { lifeMs, idleMs }: { lifeMs: number; idleMs: number }, listener: LifetimeListener) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#listener = listener;
    this.#activeAtMs = clock.now();
    this.#cancelExpiry = clock.after(lifeMs, () => listener.expired());
    if (idleMs !== Number.POSITIVE_INFINITY) this.#watch(idleMs);
  }

  /** Something happened. Fifty times a second: it sets no timer. */
  touched(): void {
    this.#activeAtMs = this.#clock.now();
  }

  stop(): void {
    this.#cancelExpiry();
    this.#cancelIdle();
  }

  #watch(delayMs: number): void {
    this.#cancelIdle = this.#clock.after(delayMs, () => {
      const busyUntil = this.#listener.busyUntil();
      // The end of a response is told: counting goes on from there.
      if (busyUntil === Number.POSITIVE_INFINITY) return this.#watch(this.#idleMs);
      const leftMs = Math.max(this.#activeAtMs, busyUntil) + this.#idleMs - this.#clock.now();
      if (leftMs > 0) this.#watch(leftMs);
      else this.#listener.idle();
    });
  }
}
