import { FakeClock } from '../../../support/fake-clock.ts';

/** A clock that stands still, and tells when somebody begins to wait. */
export class WatchedClock extends FakeClock {
  /** Every delay that was asked for, in order. */
  readonly delays: number[] = [];
  #watchers: { ms: number; resolve: () => void }[] = [];

  override after(delayMs: number, callback: () => void): () => void {
    const cancel = super.after(delayMs, callback);
    this.delays.push(delayMs);
    for (const { ms, resolve } of this.#watchers) if (ms === delayMs) resolve();
    return cancel;
  }

  /** Resolves when a timer of so many milliseconds has been set; one that was set before counts. */
  set(ms: number): Promise<void> {
    if (this.delays.includes(ms)) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ ms, resolve }));
  }
}
