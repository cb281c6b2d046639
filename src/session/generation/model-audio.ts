import type { AudioClip } from '../../audio/audio-clip.ts';
import { createResampler, type Resampler } from '../../audio/resample.ts';

/** Audio converted per step: more would block the event loop, and a whole answer may arrive at once. */
const stepMs = 500;

/** Converts the audio of a model to the session's sample rate. Call `free` at the end. */
export class ModelAudio {
  readonly #rateHz: number;
  #resampler: Resampler | undefined;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
  }

  /** Converts a clip in pieces, on demand. A change of the sample rate starts a new conversion. */
  async *push({ samples, sampleRateHz }: AudioClip): AsyncGenerator<Int16Array> {
    if (samples.length === 0) return;
    if (this.#resampler?.fromHz !== sampleRateHz) {
      yield* this.flush();
      this.free();
    }
    this.#resampler ??= await createResampler(sampleRateHz, this.#rateHz);
    const step = Math.ceil((sampleRateHz * stepMs) / 1000);
    for (let start = 0; start < samples.length; start += step) {
      yield this.#resampler.push(samples.subarray(start, start + step));
    }
  }

  /** The remaining samples of the filter, at the end. */
  *flush(): Generator<Int16Array> {
    const rest = this.#resampler?.flush();
    if (rest?.length) yield rest;
  }

  free(): void {
    this.#resampler?.free();
    this.#resampler = undefined;
  }
}
