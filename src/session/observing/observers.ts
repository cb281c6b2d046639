import { durationMs } from '../../audio/pcm.ts';
import type { Clock } from '../../core/clock.ts';
import type { Observation, Occurrence, PlayedAudio, SessionObserver } from '../ports/observer.ts';

export interface ObserversOptions {
  clock: Pick<Clock, 'now'>;
  observers?: readonly SessionObserver[];
  /** Receives the exceptions of observers. */
  failed?: (error: unknown) => void;
  relayed?: boolean;
}

/**
 * Publishes the observations of one session to its observers, which are isolated from the session and from each other.
 */
export class Observers {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #observers: SessionObserver[];
  readonly #failed: (error: unknown) => void;
  readonly #relayed: boolean;
  #inputMs = 0;

  constructor({ clock, observers = [], failed = () => {}, relayed = false }: ObserversOptions) {
    this.#clock = clock;
    this.#observers = [...observers];
    this.#failed = failed;
    this.#relayed = relayed;
  }

  /** Adds an observer, which is called after the others. */
  add(observer: SessionObserver): void {
    this.#observers.push(observer);
  }

  /** Publishes an occurrence, by default with the current time. */
  publish(occurrence: Occurrence, atMs = this.#clock.now()): void {
    if (this.#observers.length === 0) return;
    const moment = { atMs, inputMs: this.#inputMs, relayed: this.#relayed };
    const observation: Observation = Object.freeze({ ...occurrence, ...moment });
    for (const observer of this.#observers) this.#attempt(() => observer.observe?.(observation));
  }

  /** Input audio was written, or relayed, up to this position. */
  inputReached(endMs: number): void {
    this.#inputMs = endMs;
  }

  /** These samples were written, up to this position. They are copied for each observer of input audio. */
  inputWritten(samples: Int16Array, sampleRateHz: number, endMs: number): void {
    this.inputReached(endMs);
    for (const observer of this.#observers) {
      if (!observer.inputAudio) continue;
      const startMs = endMs - durationMs(samples.length, sampleRateHz);
      const piece = { samples: samples.slice(), sampleRateHz, startMs, atMs: this.#clock.now() };
      this.#attempt(() => observer.inputAudio?.(piece));
    }
  }

  /** Whether there is an observer of output audio. */
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
      // The log itself fails, so the failure cannot be reported; the session continues.
    }
  }
}
