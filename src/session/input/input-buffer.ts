import type { AudioClip } from '../../audio/audio-clip.ts';

/** Memory that is kept when little is buffered: turns come and go in it, and leave the garbage collector nothing. */
const roomyMs = 10_000;

/**
 * Input audio that is not committed yet, on the timeline of all audio ever written: positions are milliseconds
 * from the session's first sample. Mono, at one rate at a time.
 */
export class InputBuffer {
  #rateHz: number;
  #samples = new Int16Array(0);
  /** What is buffered: so many samples, from this index on. */
  #first = 0;
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
    if (this.#first + this.#length + samples.length > this.#samples.length)
      this.#makeRoom(this.#length + samples.length);
    this.#samples.set(samples, this.#first + this.#length);
    this.#length += samples.length;
  }

  /** A copy of what is buffered between two positions. */
  slice(fromMs: number, toMs: number): AudioClip {
    return {
      samples: this.#samples.slice(this.#first + this.#index(fromMs), this.#first + this.#index(toMs)),
      sampleRateHz: this.#rateHz,
    };
  }

  /** Forgets what stands before a position. */
  dropUntil(positionMs: number): void {
    const count = this.#index(positionMs);
    if (count === 0) return;
    this.#first += count;
    this.#length -= count;
    this.#startMs += (count / this.#rateHz) * 1000;
    if (this.#samples.length > this.#roomySamples && this.#length * 4 < this.#samples.length) this.#move(this.#length);
  }

  /** Forgets everything, and goes on at another rate; the timeline runs on. */
  restart(rateHz: number): void {
    this.dropUntil(this.endMs);
    this.#rateHz = rateHz;
  }

  get #roomySamples(): number {
    return (roomyMs / 1000) * this.#rateHz;
  }

  /** Within its memory where that is half as much again as is needed; otherwise in more. */
  #makeRoom(length: number): void {
    if (length * 1.5 > this.#samples.length) return this.#move(length);
    this.#samples.copyWithin(0, this.#first, this.#first + this.#length);
    this.#first = 0;
  }

  /** Into memory with room for half as much again, so that it is seldom moved, however audio comes and goes. */
  #move(length: number): void {
    const roomy = new Int16Array(Math.ceil(length * 1.5) + this.#rateHz / 4);
    roomy.set(this.#samples.subarray(this.#first, this.#first + this.#length));
    this.#samples = roomy;
    this.#first = 0;
  }

  #index(positionMs: number): number {
    const index = Math.round(((positionMs - this.#startMs) / 1000) * this.#rateHz);
    return Math.min(Math.max(index, 0), this.#length);
  }
}
