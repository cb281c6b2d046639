import type { Clock } from '../../core/clock.ts';
import type { TurnDetection } from '../../protocol/wire/session-config.ts';
import type { Playback } from '../ports/playback.ts';

interface IdleHost {
  /** The end of all written audio, in milliseconds. */
  positionMs(): number;
  /** The user has been silent for the whole timeout, since this position. */
  over(silentFromMs: number): void;
}

/** `idle_timeout_ms`, which only `server_vad` has; null if it is off. */
export function idleTimeoutMs(detection: TurnDetection | null): number | null {
  return detection?.type === 'server_vad' ? detection.idle_timeout_ms : null;
}

/** Waits for the user to speak after an answer: `idle_timeout_ms`, counted from the end of playback. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #playback: Pick<Playback, 'endsAt'>;
  readonly #host: IdleHost;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, playback: Pick<Playback, 'endsAt'>, host: IdleHost) {
    this.#clock = clock;
    this.#playback = playback;
    this.#host = host;
  }

  /** Restarts the timer, if there is a timeout. */
  start(timeoutMs: number | null): void {
    this.stop();
    if (timeoutMs !== null) this.#awaitEndOfPlayback(timeoutMs);
  }

  #awaitEndOfPlayback(timeoutMs: number): void {
    this.#cancel = this.#clock.after(this.#unplayedMs, () => {
      // Playback was paused, or a measuring listener was behind.
      if (this.#unplayedMs >= 1) return this.#awaitEndOfPlayback(timeoutMs);
      const silentFromMs = this.#host.positionMs();
      this.#cancel = this.#clock.after(timeoutMs, () => this.#host.over(silentFromMs));
    });
  }

  get #unplayedMs(): number {
    return Math.max(0, this.#playback.endsAt - this.#clock.now());
  }

  stop(): void {
    this.#cancel?.();
  }
}
