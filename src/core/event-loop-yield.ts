import { setImmediate } from 'node:timers/promises';

/** Steps between two yields: a few milliseconds of work. */
const stepsAtOnce = 64;

/**
 * Yields to the event loop at intervals in a long run of steps. Awaiting settled promises does not: their callbacks run
 * without a turn of the event loop.
 */
export class EventLoopYield {
  readonly #perTurn: number;
  #left: number;

  /** `perTurn`: work per turn of the event loop, in the unit of `step`. */
  constructor(perTurn = stepsAtOnce) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Call after each step, and await the result if there is one. */
  step(work = 1): Promise<void> | undefined {
    this.#left -= work;
    if (this.#left > 0) return undefined;
    this.#left = this.#perTurn;
    return setImmediate();
  }
}
