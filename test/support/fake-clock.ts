import type { Clock } from '../../src/core/clock.ts';

interface Timer {
  at: number;
  callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

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

  /** Moves time on; timers fire in order, and what they set going runs as far as it can before the next one. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      await settle();
    }
    this.#now = until;
  }
}

/** Far more turns than any test needs: code that goes on for so long never becomes idle. */
const mostTurns = 100_000;

let settling: Promise<void> | undefined;

/**
 * Resolves once all code of this process is idle: every promise that can be settled is, and no `setImmediate` is due.
 * Whatever is still pending waits for something outside: a clock, a gate of the test, a socket, a worker. A session
 * yields to the event loop by `setImmediate` alone, so by then it has done everything that it can do by itself.
 * Frames on a real socket are not waited for: await the event that they bring.
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
    // The event loop calls this with no microtask left: Node runs them all before each callback.
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
