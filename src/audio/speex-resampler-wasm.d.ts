/** The part of the package's Emscripten module that `resample.ts` uses; pointers are byte offsets into its heap. */
interface SpeexResamplerModule {
  /** Replaced when the heap grows, so it must be read again after every call. */
  readonly HEAP16: Int16Array;
  readonly HEAP32: Int32Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _speex_resampler_init(channels: number, fromHz: number, toHz: number, quality: number, errorPointer: number): number;
  _speex_resampler_destroy(state: number): void;
  _speex_resampler_skip_zeros(state: number): number;
  _speex_resampler_reset_mem(state: number): number;
  _speex_resampler_get_input_latency(state: number): number;
  _speex_resampler_process_int(
    state: number,
    channel: number,
    input: number,
    inputLengthPointer: number,
    output: number,
    outputLengthPointer: number,
  ): number;
}

declare module '@echogarden/speex-resampler-wasm' {
  export default function load(): Promise<SpeexResamplerModule>;
}

declare module '@echogarden/speex-resampler-wasm/simd' {
  export default function load(): Promise<SpeexResamplerModule>;
}
