/** The part of the package's Emscripten module that `noise-reducer.ts` uses; pointers are byte offsets into its heap. */
interface RnnoiseModule {
  /** Replaced when the heap grows, so it must be read again after every call. */
  readonly HEAPF32: Float32Array;
  _malloc(bytes: number): number;
  _rnnoise_create(model: number): number;
  _rnnoise_destroy(state: number): void;
  _rnnoise_process_frame(state: number, output: number, input: number): number;
}

declare module '@echogarden/rnnoise-wasm' {
  export default function load(): Promise<RnnoiseModule>;
}
