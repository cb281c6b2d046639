import type { AudioClip } from '../../audio/audio-clip.ts';
import { createResampler, type Resampler } from '../../audio/resample.ts';

/** Converted in one go: more would hold up the event loop, and a whole answer may come at once. */
const stepMs = 500;

/** The audio of a model that speaks itself, on its way to the session's rate. `free` it in the end. */
export class ModelAudio {
  readonly #rateHz: number;
  #resampler: Resampler | undefined;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
  }

  /** What the clip completes, piece by piece as it is asked for. A clip of another rate than the one before begins anew. */
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

  /** What the filter still holds, if anything: nothing follows. */
  *flush(): Generator<Int16Array> {
    const rest = this.#resampler?.flush();
    if (rest?.length) yield rest;
  }

  free(): void {
    this.#resampler?.free();
    this.#resampler = undefined;
  }
}
