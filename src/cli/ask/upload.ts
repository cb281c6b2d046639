/** Sends a recording at the pace of speech, followed by silence for as long as the server may need it. */

import { durationMs, samplesIn } from '../../audio/pcm.ts';

const realTimeChunkMs = 20;
const fastChunkMs = 1000;

export interface UploadOptions {
  sampleRateHz: number;
  /** Silence after the recording: milliseconds, or `Infinity`. */
  trailingSilenceMs: number;
  /** Send everything at once. */
  fast: boolean;
}

/** Splits a recording and the silence after it into chunks, and schedules them. */
export class Upload {
  readonly #samples: Int16Array;
  readonly #options: UploadOptions;
  readonly #chunkSamples: number;
  #sentSamples = 0;

  constructor(samples: Int16Array, options: UploadOptions) {
    this.#samples = samples;
    this.#options = options;
    this.#chunkSamples = samplesIn(options.fast ? fastChunkMs : realTimeChunkMs, options.sampleRateHz);
  }

  /** The next chunk if its first sample is due `elapsedMs` after the start; otherwise null. */
  next(elapsedMs: number): Int16Array | null {
    const { sampleRateHz, fast, trailingSilenceMs } = this.#options;
    const end =
      this.#samples.length + (trailingSilenceMs === Infinity ? Infinity : samplesIn(trailingSilenceMs, sampleRateHz));
    if (this.#sentSamples >= end) return null;
    if (!fast && this.sentMs > elapsedMs) return null;
    const chunk = new Int16Array(Math.min(this.#chunkSamples, end - this.#sentSamples));
    chunk.set(this.#samples.subarray(this.#sentSamples, this.#sentSamples + chunk.length));
    this.#sentSamples += chunk.length;
    return chunk;
  }

  get sentMs(): number {
    return durationMs(this.#sentSamples, this.#options.sampleRateHz);
  }

  /** Silence sent so far after the end of the recording; negative while the recording itself is being sent. */
  get silenceSentMs(): number {
    return durationMs(this.#sentSamples - this.#samples.length, this.#options.sampleRateHz);
  }
}
