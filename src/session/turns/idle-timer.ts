import type { Clock } from '../../core/clock.ts';
import type { TurnDetection } from '../../protocol/wire/session-config.ts';

interface IdleHost {
  /** The end of all audio written, in milliseconds. */
  positionMs(): number;
  /** The user has been silent for the whole timeout, since this position. */
  over(silentFromMs: number): void;
}

/** `idle_timeout_ms`, which only `server_vad` has; null where it is off. */
export function idleTimeoutMs(detection: TurnDetection | null): number | null {
  return detection?.type === 'server_vad' ? detection.idle_timeout_ms : null;
}

/** Waits for the user to speak after an answer: `idle_timeout_ms`, counted from the end of playback. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #host: IdleHost;
  #cancel: () => void = () => {};

  constructor(clock: Clock, host: IdleHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** Begins anew, where there is a timeout. `playbackEndsAt` is on the Clock, and may have passed. */
  start(playbackEndsAt: number, timeoutMs: number | null): void {
    this.stop();
    if (timeoutMs === null) return;
    this.#cancel = this.#clock.after(Math.max(0, playbackEndsAt - this.#clock.now()), () => {
      const silentFromMs = this.#host.positionMs();
      this.#cancel = this.#clock.after(timeoutMs, () => this.#host.over(silentFromMs));
    });
  }

  stop(): void {
    this.#cancel();
  }
}
