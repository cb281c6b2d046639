import type { AudioClip } from './ports.ts';

/**
 * Input audio that is not committed yet, on the timeline of all audio ever written: positions are milliseconds
 * from the session's first sample. Mono, at one rate at a time.
 */
export class InputBuffer {
  #rateHz: number;
  #samples = new Int16Array(0);
  #length = 0;
  /** Where the first buffered sample stands on the timeline. */
  #startMs = 0;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
  }

  get rateHz(): number {
    return this.#rateHz;
  }

  get startMs(): number {
    return this.#startMs;
  }

  /** The end of what was written. */
  get endMs(): number {
    return this.#startMs + this.durationMs;
  }

  get durationMs(): number {
    return (this.#length / this.#rateHz) * 1000;
  }

  append(samples: Int16Array): void {
    const needed = this.#length + samples.length;
    if (needed > this.#samples.length) {
      const grown = new Int16Array(Math.max(needed, this.#samples.length * 2, this.#rateHz));
      grown.set(this.#samples.subarray(0, this.#length));
      this.#samples = grown;
    }
    this.#samples.set(samples, this.#length);
    this.#length = needed;
  }

  /** A copy of what is buffered between two positions. */
  slice(fromMs: number, toMs: number): AudioClip {
    return {
      samples: this.#samples.slice(this.#index(fromMs), this.#index(toMs)),
      sampleRateHz: this.#rateHz,
    };
  }

  /** Forgets what stands before a position. */
  dropUntil(positionMs: number): void {
    const count = this.#index(positionMs);
    if (count === 0) return;
    this.#samples.copyWithin(0, count, this.#length);
    this.#length -= count;
    this.#startMs += (count / this.#rateHz) * 1000;
    if (this.#length * 4 < this.#samples.length) this.#samples = this.#samples.slice(0, this.#length * 2);
  }

  /** Forgets everything, and goes on at another rate; the timeline runs on. */
  restart(rateHz: number): void {
    this.dropUntil(this.endMs);
    this.#rateHz = rateHz;
  }

  #index(positionMs: number): number {
    const index = Math.round(((positionMs - this.#startMs) / 1000) * this.#rateHz);
    return Math.min(Math.max(index, 0), this.#length);
  }
}
