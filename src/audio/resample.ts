/**
 * Sample rate conversion with the Speex resampler (a windowed sinc filter, as WebAssembly). The filter's
 * delay is compensated, so sound has the same time in the input and the output.
 */

import { EventLoopYield } from '../core/event-loop-yield.ts';
import { highestSampleRateHz, isSampleRate, lowestSampleRateHz } from './pcm.ts';

/** Keeps speech transparent at 5–25 µs per 20 ms. */
const DEFAULT_QUALITY = 5;
/** Maximum samples in and out of one call into WebAssembly; longer input is passed in pieces. */
const BLOCK_SAMPLES = 4096;
/** Samples that `resample` converts per turn of the event loop: about 3 ms. */
const SAMPLES_PER_TURN = 16 * BLOCK_SAMPLES;

/** Converts one mono stream. Synchronous; owns memory outside the JavaScript heap until `free()`. */
export interface Resampler {
  readonly fromHz: number;
  readonly toHz: number;
  /**
   * Takes the next samples and returns those that they complete, in a new array. The split of the
   * audio into calls does not change the concatenated output. When aligned, output is delayed by the
   * filter's half length (about 2 ms) until `flush()`.
   */
  push(samples: Int16Array): Int16Array<ArrayBuffer>;
  /**
   * Returns the rest, for a total of `ceil(input · toHz / fromHz)` samples, and resets: the next `push()` starts a new
   * clip.
   */
  flush(): Int16Array<ArrayBuffer>;
  /** Frees the memory. Calling `push()` or `flush()` afterwards throws; a second `free()` does nothing. */
  free(): void;
}

interface Speex {
  module: SpeexResamplerModule;
  /** Buffers shared by all resamplers of this thread, since every call is synchronous: in, out, and the two lengths. */
  input: number;
  output: number;
  inputLength: number;
  outputLength: number;
}

let speex: Promise<Speex> | undefined;

async function loadSpeex(): Promise<Speex> {
  const module = await import('@echogarden/speex-resampler-wasm/simd').then(
    (simd) => simd.default(),
    async () => (await import('@echogarden/speex-resampler-wasm')).default(),
  );
  return {
    module,
    input: module._malloc(BLOCK_SAMPLES * 2),
    output: module._malloc(BLOCK_SAMPLES * 2),
    inputLength: module._malloc(4),
    outputLength: module._malloc(4),
  };
}

export interface ResamplerOptions {
  /**
   * Whether to compensate the filter's delay (the default). If not, sound is delayed by about 2 ms, but n samples in
   * give ceil(n · toHz / fromHz) samples out immediately: for live streams that must not wait for their next chunk.
   */
  align?: boolean;
  /** Speex quality, 0…10: the length of the filter, and so its cost. Default 5. */
  quality?: number;
}

/**
 * Creates a converter between two rates; between equal ones it only copies. WebAssembly is loaded once per thread.
 * @throws {RangeError} when a rate is not a whole number between 8000 and 384000.
 */
export async function createResampler(
  fromHz: number,
  toHz: number,
  { align = true, quality = DEFAULT_QUALITY }: ResamplerOptions = {},
): Promise<Resampler> {
  for (const rate of [fromHz, toHz]) {
    if (!isSampleRate(rate)) {
      throw new RangeError(
        `A sample rate is a whole number of hertz between ${lowestSampleRateHz} and ${highestSampleRateHz}, got ${rate}`,
      );
    }
  }
  if (fromHz === toHz) return new CopyingResampler(fromHz);
  speex ??= loadSpeex();
  return new SpeexResampler(await speex, fromHz, toHz, { align, quality });
}

/** Converts a whole clip, a few milliseconds at a time; a clip that already has the rate is returned unchanged. */
export async function resample(
  clip: { readonly samples: Int16Array; readonly sampleRateHz: number },
  toHz: number,
): Promise<{ readonly samples: Int16Array; readonly sampleRateHz: number }> {
  if (clip.sampleRateHz === toHz) return clip;
  const resampler = await createResampler(clip.sampleRateHz, toHz);
  try {
    const loop = new EventLoopYield(SAMPLES_PER_TURN);
    // The final length, allocated in advance: concatenating parts at the end would copy everything in one turn.
    const samples = new Int16Array(Math.ceil((clip.samples.length * toHz) / clip.sampleRateHz));
    let length = 0;
    for (let at = 0; at < clip.samples.length; at += SAMPLES_PER_TURN) {
      const part = resampler.push(clip.samples.subarray(at, at + SAMPLES_PER_TURN));
      samples.set(part, length);
      length += part.length;
      await loop.step(SAMPLES_PER_TURN);
    }
    samples.set(resampler.flush(), length);
    return { samples, sampleRateHz: toHz };
  } finally {
    resampler.free();
  }
}

class CopyingResampler implements Resampler {
  readonly fromHz: number;
  readonly toHz: number;

  constructor(rateHz: number) {
    this.fromHz = rateHz;
    this.toHz = rateHz;
  }

  push(samples: Int16Array): Int16Array<ArrayBuffer> {
    return new Int16Array(samples);
  }

  flush(): Int16Array<ArrayBuffer> {
    return new Int16Array(0);
  }

  free(): void {}
}

class SpeexResampler implements Resampler {
  readonly fromHz: number;
  readonly toHz: number;
  readonly #speex: Speex;
  readonly #align: boolean;
  #state: number;
  #samplesIn = 0;
  #samplesOut = 0;

  constructor(speex: Speex, fromHz: number, toHz: number, { align, quality }: Required<ResamplerOptions>) {
    this.fromHz = fromHz;
    this.toHz = toHz;
    this.#speex = speex;
    this.#align = align;
    this.#state = speex.module._speex_resampler_init(1, fromHz, toHz, quality, 0);
    if (this.#state === 0) throw new Error(`No memory for a resampler from ${fromHz} Hz to ${toHz} Hz`);
    if (align) speex.module._speex_resampler_skip_zeros(this.#state);
  }

  push(samples: Int16Array): Int16Array<ArrayBuffer> {
    this.#samplesIn += samples.length;
    return this.#process(samples);
  }

  flush(): Int16Array<ArrayBuffer> {
    const { module } = this.#speex;
    const wanted = Math.ceil((this.#samplesIn * this.toHz) / this.fromHz) - this.#samplesOut;
    const latency = module._speex_resampler_get_input_latency(this.#requireOpen());
    const silence = latency + 2 * Math.ceil(this.fromHz / this.toHz);
    const rest = this.#process(new Int16Array(silence)).slice(0, Math.max(0, wanted));
    module._speex_resampler_reset_mem(this.#state);
    if (this.#align) module._speex_resampler_skip_zeros(this.#state);
    this.#samplesIn = 0;
    this.#samplesOut = 0;
    return rest;
  }

  free(): void {
    if (this.#state !== 0) this.#speex.module._speex_resampler_destroy(this.#state);
    this.#state = 0;
  }

  #requireOpen(): number {
    if (this.#state === 0) throw new Error('This resampler has been freed');
    return this.#state;
  }

  #process(samples: Int16Array): Int16Array<ArrayBuffer> {
    const { module, input, output, inputLength, outputLength } = this.#speex;
    const state = this.#requireOpen();
    // Upper bound of the output: all input so far, and the filter's rounding.
    const out = new Int16Array(Math.ceil(((samples.length + 1) * this.toHz) / this.fromHz) + 1);
    let produced = 0;
    let consumed = 0;
    while (consumed < samples.length) {
      const block = samples.subarray(consumed, consumed + BLOCK_SAMPLES);
      module.HEAP16.set(block, input >> 1);
      module.HEAP32[inputLength >> 2] = block.length;
      module.HEAP32[outputLength >> 2] = BLOCK_SAMPLES;
      module._speex_resampler_process_int(state, 0, input, inputLength, output, outputLength);
      const made = module.HEAP32[outputLength >> 2] ?? 0;
      out.set(module.HEAP16.subarray(output >> 1, (output >> 1) + made), produced);
      produced += made;
      consumed += module.HEAP32[inputLength >> 2] ?? 0;
    }
    this.#samplesOut += produced;
    return out.slice(0, produced);
  }
}
