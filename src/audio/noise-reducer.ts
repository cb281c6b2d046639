/**
 * Noise reduction with RNNoise (Valin, "A Hybrid DSP/Deep Learning Approach to Real-Time Full-Band Speech Enhancement",
 * 2018; as WebAssembly): 10 ms at 48 kHz per call, for speech in noise, with headsets and distant microphones alike.
 */

import { concatSamples } from './pcm.ts';
import { createResampler, type Resampler } from './resample.ts';

const RATE_HZ = 48_000;
const BLOCK_SAMPLES = 480;
/** RNNoise's output lags by a block, because its windows overlap by half. */
const LAG_SAMPLES = BLOCK_SAMPLES;
/** Short filters, so that they add little to the delay: with RNNoise's, at 8 kHz 28 ms. */
const RESAMPLING = { align: true, quality: 3 };

/** The part of the input, from its end, that may be missing in the output: a block, RNNoise's lag and both filters. */
export const noiseReducerDelayMs = 32;

interface Rnnoise {
  module: RnnoiseModule;
  /** A block, shared by all reducers of this thread: it is the input and becomes the output. */
  block: number;
}

let rnnoise: Promise<Rnnoise> | undefined;

async function loadRnnoise(): Promise<Rnnoise> {
  const { default: load } = await import('@echogarden/rnnoise-wasm');
  const module = await load();
  return { module, block: module._malloc(BLOCK_SAMPLES * Float32Array.BYTES_PER_ELEMENT) };
}

/** Creates a reducer for a mono stream. WebAssembly is loaded once per thread. */
export async function createNoiseReducer(sampleRateHz: number): Promise<NoiseReducer> {
  rnnoise ??= loadRnnoise();
  const up = await createResampler(sampleRateHz, RATE_HZ, RESAMPLING);
  const down = await createResampler(RATE_HZ, sampleRateHz, RESAMPLING);
  return new NoiseReducer(await rnnoise, up, down);
}

/** Reduces the noise of one mono stream. Synchronous; owns memory outside the JavaScript heap until `free()`. */
export class NoiseReducer {
  /** The share of the noise to remove, 0…1. */
  strength = 1;
  readonly #rnnoise: Rnnoise;
  readonly #up: Resampler;
  readonly #down: Resampler;
  #state: number;
  /** Input at 48 kHz that does not fill a block. */
  #rest = new Int16Array(0);
  /** The previous block of the input: that of the next output. */
  #previous = new Float32Array(BLOCK_SAMPLES);
  #lag = LAG_SAMPLES;

  constructor(rnnoise: Rnnoise, up: Resampler, down: Resampler) {
    this.#rnnoise = rnnoise;
    this.#up = up;
    this.#down = down;
    this.#state = rnnoise.module._rnnoise_create(0);
    if (this.#state === 0) throw new Error('No memory for noise reduction');
  }

  /**
   * Takes the next samples and returns those that they complete, at the same positions: the output lacks at most the last
   * `noiseReducerDelayMs` of the input. The split of the audio into calls does not change the concatenated output.
   */
  push(samples: Int16Array): Int16Array<ArrayBuffer> {
    if (this.#state === 0) throw new Error('This noise reducer has been freed');
    const input = concatSamples([this.#rest, this.#up.push(samples)]);
    const blocks = Math.floor(input.length / BLOCK_SAMPLES);
    const output = new Int16Array(blocks * BLOCK_SAMPLES);
    for (let i = 0; i < blocks; i++) {
      const at = i * BLOCK_SAMPLES;
      this.#reduce(input.subarray(at, at + BLOCK_SAMPLES), output.subarray(at, at + BLOCK_SAMPLES));
    }
    this.#rest = input.slice(blocks * BLOCK_SAMPLES);
    const skipped = Math.min(this.#lag, output.length);
    this.#lag -= skipped;
    return this.#down.push(output.subarray(skipped));
  }

  free(): void {
    if (this.#state !== 0) this.#rnnoise.module._rnnoise_destroy(this.#state);
    this.#state = 0;
    this.#up.free();
    this.#down.free();
  }

  #reduce(input: Int16Array, output: Int16Array): void {
    const { module, block } = this.#rnnoise;
    const at = block / Float32Array.BYTES_PER_ELEMENT;
    module.HEAPF32.set(input, at);
    module._rnnoise_process_frame(this.#state, block, block);
    const reduced = module.HEAPF32.subarray(at, at + BLOCK_SAMPLES);
    for (let i = 0; i < BLOCK_SAMPLES; i++) {
      const before = this.#previous[i] ?? 0;
      const sample = before + this.strength * ((reduced[i] ?? 0) - before);
      output[i] = Math.max(-32_768, Math.min(32_767, Math.round(sample)));
    }
    this.#previous.set(input);
  }
}
