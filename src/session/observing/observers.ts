import { durationMs } from '../../audio/pcm.ts';
import type { Clock } from '../../core/clock.ts';
import type { Observation, Occurrence, PlayedAudio, SessionObserver } from '../ports/observer.ts';

export interface ObserversOptions {
  clock: Pick<Clock, 'now'>;
  observers?: readonly SessionObserver[];
  /** Takes what an observer threw. */
  failed?: (error: unknown) => void;
  relayed?: boolean;
}

/** The stream of observations of one session, and those who observe it: isolated from the session and from each other. */
export class Observers {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #observers: readonly SessionObserver[];
  readonly #failed: (error: unknown) => void;
  readonly #relayed: boolean;
  #inputMs = 0;

  constructor({ clock, observers = [], failed = () => {}, relayed = false }: ObserversOptions) {
    this.#clock = clock;
    this.#observers = observers;
    this.#failed = failed;
    this.#relayed = relayed;
  }

  /** Publishes what happens, by default now. */
  publish(occurrence: Occurrence, atMs = this.#clock.now()): void {
    if (this.#observers.length === 0) return;
    const moment = { atMs, inputMs: this.#inputMs, relayed: this.#relayed };
    const observation: Observation = Object.freeze({ ...occurrence, ...moment });
    for (const observer of this.#observers) this.#attempt(() => observer.observe?.(observation));
  }

  /** Input audio was written, or passed on, up to this end of the timeline. */
  inputReached(endMs: number): void {
    this.#inputMs = endMs;
  }

  /** These samples were written, up to this end of the timeline. They are copied for each that listens. */
  inputWritten(samples: Int16Array, sampleRateHz: number, endMs: number): void {
    this.inputReached(endMs);
    for (const observer of this.#observers) {
      if (!observer.inputAudio) continue;
      const startMs = endMs - durationMs(samples.length, sampleRateHz);
      const piece = { samples: samples.slice(), sampleRateHz, startMs, atMs: this.#clock.now() };
      this.#attempt(() => observer.inputAudio?.(piece));
    }
  }

  /** Whether anyone listens to the output. */
  get listensToOutput(): boolean {
    return this.#observers.some(({ outputAudio }) => outputAudio);
  }

  outputPlayed(audio: PlayedAudio): void {
    for (const observer of this.#observers) {
      if (!observer.outputAudio) continue;
      const piece = { ...audio, samples: audio.samples.slice() };
      this.#attempt(() => observer.outputAudio?.(piece));
    }
  }

  #attempt(observe: () => unknown): void {
    try {
      const result = observe();
      if (result instanceof Promise) result.catch((error: unknown) => this.#report(error));
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    try {
      this.#failed(error);
    } catch {
      // The log itself fails: nothing is left to report it to, and the session goes on.
    }
  }
}
