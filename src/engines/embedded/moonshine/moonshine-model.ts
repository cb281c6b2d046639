import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { type Feeds, floatData, loadModel, outputTensor } from '../onnx.ts';
import { modelFile, packageFile } from '../package-file.ts';
import { MOONSHINE_RATE_HZ } from './clip-windows.ts';
import { isTerminalMark } from './tokens.ts';

const START_TOKEN = 1;
export const END_TOKEN = 2;
/** English has at most about 6.5 tokens per second; short clips need additional room. */
const TOKENS_PER_SECOND = 6.5;
/** Other scripts need more: up to a token for each byte of a character. */
const TOKENS_PER_SECOND_ANY = 13;
const TOKENS_EXTRA = 8;

/** The names of the decoder's cache tensors, and the shape of an empty one. */
interface Cache {
  decoder: string[];
  /** The encoder's part, which is constant after the first step. */
  encoder: string[];
  shape: number[];
}

export interface DecodedToken {
  id: number;
  /** Probability of this token, 0…1. */
  probability: number;
  /** Probability of a full stop, question or exclamation mark at this position, 0…1. */
  terminalProbability: number;
}

/** A Moonshine model: converts speech at 16 kHz to tokens by greedy decoding. */
export class MoonshineModel {
  readonly #encoder: InferenceSession;
  readonly #decoder: InferenceSession;
  readonly #cache: Cache;
  readonly #tokensPerSecond: number;

  private constructor(encoder: InferenceSession, decoder: InferenceSession, tokensPerSecond: number) {
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#cache = cacheOf(decoder);
    this.#tokensPerSecond = tokensPerSecond;
  }

  /**
   * Loads the embedded model (tiny, English, quantized), or another size or language from a folder with
   * `encoder_model.onnx` and `decoder_model_merged.onnx`.
   * @throws {Error} when the files are missing, or are not a Moonshine model
   */
  static async load(folder?: string): Promise<MoonshineModel> {
    const file = (name: string) =>
      folder === undefined
        ? packageFile('@moonshine-ai/moonshine-js', `./model/tiny/quantized/${name}`)
        : modelFile(folder, name);
    const [encoder, decoder] = [file('encoder_model.onnx'), file('decoder_model_merged.onnx')];
    return new MoonshineModel(
      await loadModel(encoder),
      // Its table of tokens has 9 million weights, which would otherwise be converted for each token.
      await loadModel(decoder, { expandWeights: true }),
      folder === undefined ? TOKENS_PER_SECOND : TOKENS_PER_SECOND_ANY,
    );
  }

  /**
   * Yields the tokens of a clip of 0.1 to 30 s, with the end token last unless the maximum for the duration is reached.
   * Each step yields to the event loop; an abort ends the iteration.
   */
  async *decode(audio: Float32Array, signal: AbortSignal): AsyncGenerator<DecodedToken, void, undefined> {
    const encoded = await this.#encoder.run({ input_values: new Tensor('float32', audio, [1, audio.length]) });
    const feeds: Feeds = { encoder_hidden_states: outputTensor(encoded, 'last_hidden_state') };
    const { decoder, encoder, shape } = this.#cache;
    const all = [...decoder, ...encoder];
    const present = (names: readonly string[]) => ['logits', ...names.map((name) => `present.${name}`)];
    for (const name of all) {
      feeds[`past_key_values.${name}`] = new Tensor('float32', new Float32Array(0), shape);
    }
    const limit = Math.ceil((audio.length / MOONSHINE_RATE_HZ) * this.#tokensPerSecond) + TOKENS_EXTRA;
    let id = START_TOKEN;
    for (let step = 0; step < limit && !signal.aborted; step++) {
      const first = step === 0;
      feeds.input_ids = new Tensor('int64', BigInt64Array.of(BigInt(id)), [1, 1]);
      feeds.use_cache_branch = new Tensor('bool', [!first], [1]);
      const outputs = await this.#decoder.run(feeds, present(first ? all : decoder));
      for (const name of first ? all : decoder) {
        feeds[`past_key_values.${name}`] = outputTensor(outputs, `present.${name}`);
      }
      const token = mostProbable(floatData(outputTensor(outputs, 'logits')));
      yield token;
      if (token.id === END_TOKEN) return;
      id = token.id;
    }
  }
}

/** @throws {Error} when the model's inputs are not those of a Moonshine decoder */
function cacheOf({ inputNames, inputMetadata }: InferenceSession): Cache {
  const names = inputNames
    .filter((name) => name.startsWith('past_key_values.'))
    .map((name) => name.slice('past_key_values.'.length));
  const first = inputMetadata.find(({ name }) => name === `past_key_values.${names[0]}`);
  const [, heads, , headSize] = first?.isTensor ? first.shape : [];
  if (typeof heads !== 'number' || typeof headSize !== 'number') {
    throw new Error('it is not the decoder of a Moonshine model: it has no key-value cache');
  }
  return {
    decoder: names.filter((name) => name.includes('.decoder.')),
    encoder: names.filter((name) => name.includes('.encoder.')),
    shape: [0, heads, 1, headSize],
  };
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
    // Terms below e⁻²⁰ of the maximum are negligible, and most tokens are.
    if (below < -20) continue;
    const weight = Math.exp(below);
    sum += weight;
    if (isTerminalMark(i)) terminal += weight;
  }
  return { id, probability: 1 / sum, terminalProbability: terminal / sum };
}
