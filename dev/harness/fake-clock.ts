import type { Clock } from '../../src/core/clock.ts';

interface Timer {
  at: number;
  callback: () => void;
}

/** A clock that its owner advances: a test, or a simulation. */
export class FakeClock implements Clock {
  readonly #idle: () => Promise<void>;
  #now = 0;
  readonly #timers = new Set<Timer>();

  /** `idle`: resolves when the code that depends on the clock has done all that it can do at this time. */
  constructor(idle: () => Promise<void> = settle) {
    this.#idle = idle;
  }

  now(): number {
    return this.#now;
  }

  epochMs(): number {
    return Date.UTC(2026, 0, 1) + this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Advances time; timers fire in order, and the code that each starts runs until it is idle before the next one. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.#idle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      await this.#idle();
    }
    this.#now = until;
  }
}

/** Far more turns than any test needs: code that runs for longer never becomes idle. */
const mostTurns = 100_000;

let settling: Promise<void> | undefined;

/**
 * Resolves when all code of this process is idle: no `setImmediate` is due, and no promise can settle without one.
 * Pending promises then wait for something external: a clock, a gate of the test, a socket, a worker. Sessions yield to
 * the event loop only by `setImmediate`, so by then a session has done all its work.
 * Frames on a real socket are not waited for: await the event that they cause.
 *
 * @throws {Error} when the code does not become idle
 */
export function settle(): Promise<void> {
  settling ??= new Promise((resolve, reject) => {
    let turns = 0;
    const end = (act: () => void) => {
      settling = undefined;
      act();
    };
    // Node runs all microtasks before each callback of the event loop, so none is left here.
    const check = () => {
      turns += 1;
      if (!process.getActiveResourcesInfo().includes('Immediate')) end(resolve);
      else if (turns < mostTurns) setImmediate(check);
      else end(() => reject(new Error(`settle: not idle after ${mostTurns} turns of the event loop.`)));
    };
    setImmediate(check);
  });
  return settling;
}
