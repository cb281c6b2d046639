import { existsSync } from 'node:fs';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { floatData, loadModel, outputTensor } from '../onnx.ts';
import { packageFile } from '../package-file.ts';

export const SILERO_RATE_HZ = 16_000;
/** New samples in a frame: 32 ms. */
export const FRAME_SAMPLES = 512;
/** Samples of the previous frame that are passed to the model again (silero-vad's `OnnxWrapper`). */
const CONTEXT_SAMPLES = 64;
const STATE_SHAPE = [2, 1, 128];

/** Silero v5, or v6 from a file. One model serves all streams: the state of each is in its `SileroState`. */
export class SileroModel {
  readonly #session: InferenceSession;
  readonly #rate = new Tensor('int64', BigInt64Array.of(BigInt(SILERO_RATE_HZ)), []);

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

  newState(): SileroState {
    return new SileroState();
  }

  /** The probability, 0…1, that the next 512 samples at 16 kHz contain speech. One call at a time for each state. */
  async probability(frame: Int16Array, state: SileroState): Promise<number> {
    state.shift(frame);
    const outputs = await this.#session.run({ input: state.input, state: state.recurrent, sr: this.#rate });
    state.recurrent = outputTensor(outputs, 'stateN');
    return floatData(outputTensor(outputs, 'output'))[0] ?? 0;
  }
}

export class SileroState {
  recurrent: Tensor = new Tensor('float32', new Float32Array(256), STATE_SHAPE);
  readonly #samples = new Float32Array(CONTEXT_SAMPLES + FRAME_SAMPLES);
  readonly input = new Tensor('float32', this.#samples, [1, this.#samples.length]);

  shift(frame: Int16Array): void {
    this.#samples.copyWithin(0, FRAME_SAMPLES);
    for (let i = 0; i < FRAME_SAMPLES; i++) this.#samples[CONTEXT_SAMPLES + i] = (frame[i] ?? 0) / 32768;
  }
}
