import type { AudioClip } from '../../audio/audio-clip.ts';

/** Memory that is retained when little is buffered, so that turns do not cause garbage collection. */
const roomyMs = 3000;
/** Memory that is allocated for each buffered sample. */
const headroom = 1.25;

/**
 * Input audio that is not committed yet, on the timeline of all audio ever written: positions are milliseconds
 * from the session's first sample. Mono, at one rate at a time.
 */
export class InputBuffer {
  #rateHz: number;
  #samples = new Int16Array(0);
  /** The index and number of buffered samples. */
  #first = 0;
  #length = 0;
  /** The position of the first buffered sample. */
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

  /** The end of the written audio. */
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

  /** Replaces audio from a position on; the part that is not buffered any more is ignored. */
  replace(positionMs: number, samples: Int16Array): void {
    const at = Math.round(((positionMs - this.#startMs) / 1000) * this.#rateHz);
    const known = samples.subarray(Math.max(0, -at), this.#length - at);
    this.#samples.set(known, this.#first + Math.max(0, at));
  }

  /** A copy of the buffered audio between two positions. */
  slice(fromMs: number, toMs: number): AudioClip {
    return {
      samples: this.#samples.slice(this.#first + this.#index(fromMs), this.#first + this.#index(toMs)),
      sampleRateHz: this.#rateHz,
    };
  }

  /** Drops the audio before a position. */
  dropUntil(positionMs: number): void {
    const count = this.#index(positionMs);
    if (count === 0) return;
    this.#first += count;
    this.#length -= count;
    this.#startMs += (count / this.#rateHz) * 1000;
    if (this.#samples.length > this.#roomySamples && this.#length * 4 < this.#samples.length) this.#move(this.#length);
  }

  /** Clears the buffer and changes the rate; the timeline continues. */
  restart(rateHz: number): void {
    this.dropUntil(this.endMs);
    this.#rateHz = rateHz;
  }

  get #roomySamples(): number {
    return (roomyMs / 1000) * this.#rateHz;
  }

  /** Reuses the memory if it has headroom; otherwise allocates more. */
  #makeRoom(length: number): void {
    if (length * headroom > this.#samples.length) return this.#move(length);
    this.#samples.copyWithin(0, this.#first, this.#first + this.#length);
    this.#first = 0;
  }

  /** Moves to memory with headroom, so that it is rarely moved again. */
  #move(length: number): void {
    const roomy = new Int16Array(Math.ceil(length * headroom) + this.#rateHz / 4);
    roomy.set(this.#samples.subarray(this.#first, this.#first + this.#length));
    this.#samples = roomy;
    this.#first = 0;
  }

  #index(positionMs: number): number {
    const index = Math.round(((positionMs - this.#startMs) / 1000) * this.#rateHz);
    return Math.min(Math.max(index, 0), this.#length);
  }
}
