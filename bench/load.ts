import { Child } from '../dev/harness/child.ts';
import type { FromLoad, LoadJob, ToLoad } from './load-client.ts';
import type { TurnTimes } from './turn-observer.ts';

/** Chunks that leave later than this, one in a hundred, say that the client itself had too little processor time. */
const lateClientMs = 20;

/** Callers in a child process. */
export class Load {
  readonly turns: TurnTimes[] = [];
  readonly #child = new Child<ToLoad, FromLoad>(new URL('./load-client.ts', import.meta.url));
  readonly #failed = Promise.withResolvers<never>();
  readonly #problems = new Map<string, number>();
  #onTurn: () => void = () => {};

  private constructor() {
    this.#failed.promise.catch(() => {});
    this.#child.onMessage((message) => {
      if (message.type === 'turn') {
        this.turns.push(message.times);
        this.#onTurn();
      } else if (message.type === 'problem') {
        this.#problems.set(message.reason, (this.#problems.get(message.reason) ?? 0) + 1);
        if (message.fatal) this.#failed.reject(new Error(message.reason));
      }
    });
  }

  /** Resolves when all sessions are open and stream. */
  static async start(job: LoadJob): Promise<Load> {
    const load = new Load();
    load.#child.send({ type: 'start', job });
    try {
      await Promise.race([load.#child.next('streaming'), load.#failed.promise]);
    } catch (error) {
      await load.close();
      throw error;
    }
    return load;
  }

  /** From here on turns count, and how late chunks leave. */
  begin(): void {
    this.turns.length = 0;
    this.#child.send({ type: 'begin' });
  }

  /** Waits until so many turns have been taken, or the time is over. */
  async takeTurns(count: number, timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#onTurn = () => {
      if (this.turns.length >= count) resolve();
    };
    this.#onTurn();
    await this.whileRunning(promise).finally(() => clearTimeout(timer));
  }

  /** Waits for something, unless the callers fail before. */
  whileRunning<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise, this.#child.ended]);
  }

  /** Ends all sessions. Returns what makes the figures doubtful. */
  async stop(): Promise<string[]> {
    this.#child.send({ type: 'stop' });
    const { lateP99Ms } = await this.#child.next('stopped');
    await this.close();
    const warnings = [...this.#problems].map(([reason, count]) => `${count} × ${reason}`);
    if (lateP99Ms > lateClientMs) {
      warnings.push(
        `One chunk in a hundred left the client ${lateP99Ms.toFixed(0)} ms late or later: the machine had no time for the callers themselves.`,
      );
    }
    return warnings;
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
