import type { Clock } from './ports.ts';

interface IdleListener {
  /** The answer has been heard: the silence begins. */
  begun(): void;
  /** The user has been silent for the whole timeout. */
  over(): void;
}

/** Waits for the user to speak after an answer: `idle_timeout_ms` of `server_vad`, counted from the end of playback. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #listener: IdleListener;
  #cancel: () => void = () => {};

  constructor(clock: Clock, listener: IdleListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Begins anew. `playbackEndsAt` is on the Clock, and may have passed. */
  start(playbackEndsAt: number, timeoutMs: number): void {
    this.stop();
    this.#cancel = this.#clock.after(Math.max(0, playbackEndsAt - this.#clock.now()), () => {
      this.#listener.begun();
      this.#cancel = this.#clock.after(timeoutMs, () => this.#listener.over());
    });
  }

  stop(): void {
    this.#cancel();
  }
}
