import { FakeClock } from '../../../support/fake-clock.ts';

/** A stopped clock that reports when a timer is set. */
export class WatchedClock extends FakeClock {
  /** Every requested delay, in order. */
  readonly delays: number[] = [];
  #watchers: { ms: number; resolve: () => void }[] = [];

  override after(delayMs: number, callback: () => void): () => void {
    const cancel = super.after(delayMs, callback);
    this.delays.push(delayMs);
    for (const { ms, resolve } of this.#watchers) if (ms === delayMs) resolve();
    return cancel;
  }

  /** Resolves when a timer of this many milliseconds has been set; earlier ones count. */
  set(ms: number): Promise<void> {
    if (this.delays.includes(ms)) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ ms, resolve }));
  }
}
