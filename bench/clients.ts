/** The clients that put load on a server, in child processes so that they do not delay its event loop. */

import { availableParallelism } from 'node:os';
import { Child } from '../dev/harness/child.ts';
import type { TurnTimes } from './caller.ts';
import { restrict } from './capacity/processors.ts';
import type { FromClient, LoadJob, RateJob, ToClient } from './client-process.ts';

const clientProcess = new URL('./client-process.ts', import.meta.url);
/** If 1 % of the chunks leave later than this, the client itself had too little CPU time. */
const lateClientMs = 20;

/** Callers in a child process. */
export class Load {
  readonly turns: TurnTimes[] = [];
  readonly #child = new Child<ToClient, FromClient>(clientProcess);
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

  /** Resolves when all sessions are open and streaming. */
  static async start(job: LoadJob): Promise<Load> {
    const load = new Load();
    load.#child.send({ type: 'load', job });
    try {
      await Promise.race([load.#child.next('streaming'), load.#failed.promise]);
    } catch (error) {
      await load.close();
      throw error;
    }
    return load;
  }

  /** Restricts the callers to the processors that a pinned server leaves. */
  leaveServer(): void {
    restrict(this.#child.pid, `1-${availableParallelism() - 1}`);
  }

  /** Starts counting turns and measuring late chunks. */
  begin(): void {
    this.turns.length = 0;
    this.#child.send({ type: 'begin' });
  }

  /** Waits for a number of turns, or the end of the time. */
  async takeTurns(count: number, timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#onTurn = () => {
      if (this.turns.length >= count) resolve();
    };
    this.#onTurn();
    await this.whileRunning(promise).finally(() => clearTimeout(timer));
  }

  /** Waits for a promise, unless a caller fails first. */
  whileRunning<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise, this.#child.ended]);
  }

  /** Ends all sessions. Returns reasons to doubt the figures. */
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

/** Clients in a child process that perform one job after the other. */
export class RateClients {
  readonly #child = new Child<ToClient, FromClient>(clientProcess);
  readonly #failed = Promise.withResolvers<never>();

  constructor() {
    this.#failed.promise.catch(() => {});
    this.#child.onMessage((message) => {
      if (message.type === 'problem') this.#failed.reject(new Error(message.reason));
    });
  }

  /** Resolves with the duration of the job in milliseconds; `onStreaming` is called when appends start. */
  async run(job: RateJob, onStreaming?: () => void): Promise<number> {
    const done = this.#child.next('done');
    if (onStreaming) void this.#child.next('streaming').then(onStreaming, () => {});
    this.#child.send(job);
    return (await Promise.race([done, this.#failed.promise])).ms;
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
