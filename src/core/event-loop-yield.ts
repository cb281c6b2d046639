import { setImmediate } from 'node:timers/promises';

/** Steps that may follow each other before others have their turn: a few milliseconds of work. */
const stepsAtOnce = 64;

/**
 * Lets the rest of the process have its turn in a long run of steps. Promises alone do not: those that are settled
 * follow each other without the event loop.
 */
export class EventLoopYield {
  #steps = 0;

  /** To be called after each step; awaited only where it returns a promise. */
  step(): Promise<void> | undefined {
    this.#steps += 1;
    return this.#steps % stepsAtOnce === 0 ? setImmediate() : undefined;
  }
}
