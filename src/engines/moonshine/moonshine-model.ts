import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { type Feeds, floatData, loadModel, outputTensor } from '../onnx.ts';
import { packageFile } from '../package-file.ts';
import { MOONSHINE_RATE_HZ } from './clip-windows.ts';
import { isTerminalMark } from './tokens.ts';

const LAYERS = 6;
const HEADS = 8;
const HEAD_SIZE = 36;
const START_TOKEN = 1;
export const END_TOKEN = 2;
/** Speech has at most some 6.5 tokens a second; short clips need room beyond that. */
const TOKENS_PER_SECOND = 6.5;
const TOKENS_EXTRA = 8;

const LAYER_NAMES = Array.from({ length: LAYERS }, (_, layer) => layer);
const DECODER_CACHE = LAYER_NAMES.flatMap((layer) => [`${layer}.decoder.key`, `${layer}.decoder.value`]);
const ENCODER_CACHE = LAYER_NAMES.flatMap((layer) => [`${layer}.encoder.key`, `${layer}.encoder.value`]);
const FIRST_OUTPUTS = ['logits', ...[...DECODER_CACHE, ...ENCODER_CACHE].map((name) => `present.${name}`)];
/** The encoder's part of the cache does not change after the first step. */
const LATER_OUTPUTS = ['logits', ...DECODER_CACHE.map((name) => `present.${name}`)];

export interface DecodedToken {
  id: number;
  /** Of this token, 0…1. */
  probability: number;
  /** That a full stop, question or exclamation mark stands here, 0…1. */
  terminalProbability: number;
}

/** Moonshine tiny, quantised: English speech at 16 kHz to tokens, greedily. */
export class MoonshineModel {
  readonly #encoder: InferenceSession;
  readonly #decoder: InferenceSession;

  private constructor(encoder: InferenceSession, decoder: InferenceSession) {
    this.#encoder = encoder;
    this.#decoder = decoder;
  }

  static async load(): Promise<MoonshineModel> {
    const file = (name: string) => packageFile('@moonshine-ai/moonshine-js', `./model/tiny/quantized/${name}`);
    return new MoonshineModel(
      await loadModel(file('encoder_model.onnx')),
      await loadModel(file('decoder_model_merged.onnx')),
    );
  }

  /**
   * Yields the tokens of a clip of 0.1 to 30 s, the end token last, or none when the clip has as many tokens as speech can have.
   * Each step takes a turn of the event loop; an abort ends the iteration.
   */
  async *decode(audio: Float32Array, signal: AbortSignal): AsyncGenerator<DecodedToken, void, undefined> {
    const encoded = await this.#encoder.run({ input_values: new Tensor('float32', audio, [1, audio.length]) });
    const feeds: Feeds = { encoder_hidden_states: outputTensor(encoded, 'last_hidden_state') };
    for (const name of [...DECODER_CACHE, ...ENCODER_CACHE]) {
      feeds[`past_key_values.${name}`] = new Tensor('float32', new Float32Array(0), [0, HEADS, 1, HEAD_SIZE]);
    }
    const limit = Math.ceil((audio.length / MOONSHINE_RATE_HZ) * TOKENS_PER_SECOND) + TOKENS_EXTRA;
    let id = START_TOKEN;
    for (let step = 0; step < limit && !signal.aborted; step++) {
      const first = step === 0;
      feeds.input_ids = new Tensor('int64', BigInt64Array.of(BigInt(id)), [1, 1]);
      feeds.use_cache_branch = new Tensor('bool', [!first], [1]);
      const outputs = await this.#decoder.run(feeds, first ? FIRST_OUTPUTS : LATER_OUTPUTS);
      for (const name of first ? [...DECODER_CACHE, ...ENCODER_CACHE] : DECODER_CACHE) {
        feeds[`past_key_values.${name}`] = outputTensor(outputs, `present.${name}`);
      }
      const token = mostProbable(floatData(outputTensor(outputs, 'logits')));
      yield token;
      if (token.id === END_TOKEN) return;
      id = token.id;
    }
  }
}

function mostProbable(logits: Float32Array): DecodedToken {
  let id = 0;
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] ?? highest;
    if (logit > highest) {
      highest = logit;
      id = i;
    }
  }
  let sum = 0;
  let terminal = 0;
  for (let i = 0; i < logits.length; i++) {
    const below = (logits[i] ?? highest) - highest;
    // e⁻²⁰ of the best is nothing, and most tokens are further away.
    if (below < -20) continue;
    const weight = Math.exp(below);
    sum += weight;
    if (isTerminalMark(i)) terminal += weight;
  }
  return { id, probability: 1 / sum, terminalProbability: terminal / sum };
}
