import { setImmediate } from 'node:timers/promises';

/** Steps that may follow each other before others have their turn: a few milliseconds of work. */
const stepsAtOnce = 64;

/**
 * Lets the rest of the process have its turn in a long run of steps. Promises alone do not: those that are settled
 * follow each other without the event loop.
 */
export class EventLoopYield {
  readonly #perTurn: number;
  #left: number;

  /** `perTurn`: the work of one turn of the event loop, in the unit of `step`. */
  constructor(perTurn = stepsAtOnce) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** To be called after each step; awaited only where it returns a promise. */
  step(work = 1): Promise<void> | undefined {
    this.#left -= work;
    if (this.#left > 0) return undefined;
    this.#left = this.#perTurn;
    return setImmediate();
  }
}
