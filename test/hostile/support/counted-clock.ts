import type { Clock } from '../../../src/core/clock.ts';

/** A clock that counts its pending timers. */
export class CountedClock implements Clock {
  #pending = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get pending(): number {
    return this.#pending;
  }

  now(): number {
    return this.#clock.now();
  }

  epochMs(): number {
    return this.#clock.epochMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    this.#pending++;
    let set = true;
    const end = () => {
      if (set) this.#pending--;
      set = false;
    };
    const cancel = this.#clock.after(delayMs, () => {
      end();
      callback();
    });
    return () => {
      end();
      cancel();
    };
  }
}
