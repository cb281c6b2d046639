import type { Clock } from '../../core/clock.ts';

interface LifetimeListener {
  /** The session has reached its maximum lifetime. */
  expired(): void;
  /** The session has been idle for the maximum time. */
  idle(): void;
  /** The end of current activity, on the Clock: `Infinity` while a response runs. */
  busyUntil(): number;
}

/** Limits the lifetime of a session. Milliseconds; `idleMs` may be `Infinity`. */
export class Lifetime {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #listener: LifetimeListener;
  readonly #cancelExpiry: () => void;
  #cancelIdle: (() => void) | undefined;
  #activeAtMs: number;

  constructor(clock: Clock, { lifeMs, idleMs }: { lifeMs: number; idleMs: number }, listener: LifetimeListener) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#listener = listener;
    this.#activeAtMs = clock.now();
    this.#cancelExpiry = clock.after(lifeMs, () => listener.expired());
    if (idleMs !== Number.POSITIVE_INFINITY) this.#watch(idleMs);
  }

  /** Call on activity. It is called fifty times a second, so it does not set a timer. */
  touched(): void {
    this.#activeAtMs = this.#clock.now();
  }

  stop(): void {
    this.#cancelExpiry();
    this.#cancelIdle?.();
  }

  #watch(delayMs: number): void {
    this.#cancelIdle = this.#clock.after(delayMs, () => {
      const busyUntil = this.#listener.busyUntil();
      // `touched` is called at the end of the response.
      if (busyUntil === Number.POSITIVE_INFINITY) return this.#watch(this.#idleMs);
      const leftMs = Math.max(this.#activeAtMs, busyUntil) + this.#idleMs - this.#clock.now();
      if (leftMs > 0) this.#watch(leftMs);
      else this.#listener.idle();
    });
  }
}
