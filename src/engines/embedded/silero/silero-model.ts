import { existsSync } from 'node:fs';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { floatData, loadModel, outputTensor } from '../onnx.ts';
import { packageFile } from '../package-file.ts';

export const SILERO_RATE_HZ = 16_000;
/** New samples in a frame: 32 ms. */
export const FRAME_SAMPLES = 512;
/**
 * Maximum frames of one inference. Measured per frame: alone 160 µs, in batches of eight 60 µs, of sixteen 50 µs;
 * larger ones gain little.
 */
export const MAX_BATCH = 16;
/** Samples of the previous frame that are passed to the model again (silero-vad's `OnnxWrapper`). */
const CONTEXT_SAMPLES = 64;
const INPUT_SAMPLES = CONTEXT_SAMPLES + FRAME_SAMPLES;
/** The recurrent state has the shape [layer, stream, value]. */
const LAYERS = 2;
const LAYER_VALUES = 128;

/** The state of one stream between two frames. */
export interface SileroState {
  readonly context: Float32Array;
  readonly recurrent: Float32Array;
}

export function newSileroState(): SileroState {
  return {
    context: new Float32Array(CONTEXT_SAMPLES),
    recurrent: new Float32Array(LAYERS * LAYER_VALUES),
  };
}

/** Silero v5, or v6 from a file. One model serves all streams, several at once. */
export class SileroModel {
  readonly #session: InferenceSession;
  readonly #rate = new Tensor('int64', BigInt64Array.of(BigInt(SILERO_RATE_HZ)), []);
  /** Inputs of the running inference. */
  readonly #samples = new Float32Array(MAX_BATCH * INPUT_SAMPLES);
  readonly #states = new Float32Array(MAX_BATCH * LAYERS * LAYER_VALUES);

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /** Loads the embedded v5, or the model of a file. @throws {Error} when it is missing or is not a Silero model */
  static async load(path?: string): Promise<SileroModel> {
    if (path === undefined) {
      return new SileroModel(await loadModel(packageFile('@ricky0123/vad-web', './silero_vad_v5.onnx')));
    }
    if (!existsSync(path)) throw new Error(`${path} is missing`);
    const session = await loadModel(path);
    for (const name of ['input', 'state', 'sr']) {
      if (!session.inputNames.includes(name))
        throw new Error(`${path} is not a Silero model of version 5 or 6: it has no input ${name}`);
    }
    return new SileroModel(session);
  }

  /**
   * The probabilities, 0…1, that the next frames of several streams contain speech: 512 samples at 16 kHz each, at most
   * `MAX_BATCH` of them. They equal those of separate calls. One call at a time.
   */
  async probabilities(batch: readonly { frame: Int16Array; state: SileroState }[]): Promise<Float32Array> {
    const size = batch.length;
    for (const [i, { frame, state }] of batch.entries()) this.#gather(i, size, frame, state);
    const outputs = await this.#session.run({
      input: new Tensor('float32', this.#samples.subarray(0, size * INPUT_SAMPLES), [size, INPUT_SAMPLES]),
      state: new Tensor('float32', this.#states.subarray(0, size * LAYERS * LAYER_VALUES), [
        LAYERS,
        size,
        LAYER_VALUES,
      ]),
      sr: this.#rate,
    });
    const states = floatData(outputTensor(outputs, 'stateN'));
    for (const [i, { state }] of batch.entries()) scatter(states, i, size, state);
    return floatData(outputTensor(outputs, 'output'));
  }

  #gather(i: number, size: number, frame: Int16Array, { context, recurrent }: SileroState): void {
    const input = this.#samples.subarray(i * INPUT_SAMPLES, (i + 1) * INPUT_SAMPLES);
    input.set(context);
    for (let j = 0; j < FRAME_SAMPLES; j++) input[CONTEXT_SAMPLES + j] = (frame[j] ?? 0) / 32768;
    context.set(input.subarray(FRAME_SAMPLES));
    for (let layer = 0; layer < LAYERS; layer++) {
      const values = recurrent.subarray(layer * LAYER_VALUES, (layer + 1) * LAYER_VALUES);
      this.#states.set(values, (layer * size + i) * LAYER_VALUES);
    }
  }
}

function scatter(states: Float32Array, i: number, size: number, { recurrent }: SileroState): void {
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = (layer * size + i) * LAYER_VALUES;
    recurrent.set(states.subarray(at, at + LAYER_VALUES), layer * LAYER_VALUES);
  }
}
