import type { Clock } from '../../core/clock.ts';

/**
 * Lets audio leave at most `leadMs` ahead of its playback. It models a listener who plays what arrives without
 * a pause: playback ends when all audio sent so far has been heard, and starts anew after a gap.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #leadMs: number;
  #playbackEndsAt = 0;

  constructor(clock: Clock, leadMs: number) {
    this.#clock = clock;
    this.#leadMs = leadMs;
  }

  /** When the audio sent so far will have been heard, on the Clock. */
  get playbackEndsAt(): number {
    return this.#playbackEndsAt;
  }

  /** Waits until audio of this length may leave, and counts it as sent. Rejects with the signal's reason. */
  async admit(durationMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const waitMs = this.#playbackEndsAt + durationMs - this.#clock.now() - this.#leadMs;
    if (waitMs > 0) await this.#wait(waitMs, signal);
    this.#playbackEndsAt = Math.max(this.#playbackEndsAt, this.#clock.now()) + durationMs;
  }

  /** The listener dropped what was not heard yet. */
  interrupt(): void {
    this.#playbackEndsAt = Math.min(this.#playbackEndsAt, this.#clock.now());
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(ms, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
      const onAbort = () => {
        cancel();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
