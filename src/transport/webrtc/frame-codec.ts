import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '../../audio/g711.ts';
import { G711Concealment } from '../../audio/g711-concealment.ts';
import { hasFec, OpusDecoder, OpusEncoder } from '../../audio/opus.ts';
import { samplesIn } from '../../audio/pcm.ts';
import type { CallCodec } from './peer-connection.ts';

/** The duration of sent frames. */
export const frameMs = 20;
/** The shortest packets of G.711 that are accepted, and the shortest frames that replace lost audio. */
export const shortestFrameMs = 10;

/** Decodes the payloads of one RTP stream in order; a malformed one throws. */
export interface FrameDecoder {
  readonly sampleRateHz: number;
  decode(payload: Uint8Array): Int16Array;
  /** Whether `next` carries the end of the audio before it, which was lost. */
  canRecover(next: Uint8Array): boolean;
  /** The last `samples` before `next`: recovered if it carries them, else concealed. */
  recover(next: Uint8Array, samples: number): Int16Array;
  /** Replaces `samples` that were lost, without a click. */
  conceal(samples: number): Int16Array;
  free(): void;
}

/** Encodes frames of `frameMs` for one RTP stream. */
export interface FrameEncoder {
  readonly sampleRateHz: number;
  encode(samples: Int16Array): Uint8Array;
  /** Adapts to the loss that the receiver reports, 0…1. */
  reportLoss(fraction: number): void;
  free(): void;
}

/** The clock of RTP timestamps (RFC 7587 §4.1, RFC 3551 §4.5.14). */
export const clockRatesHz = { opus: 48_000, pcmu: 8000, pcma: 8000 } as const;

export async function createFrameDecoder(codec: CallCodec): Promise<FrameDecoder> {
  switch (codec) {
    case 'opus':
      return opusDecoder(await OpusDecoder.create(24_000));
    case 'pcmu':
      return new G711Decoder(decodeMulaw);
    case 'pcma':
      return new G711Decoder(decodeAlaw);
  }
}

export async function createFrameEncoder(codec: CallCodec): Promise<FrameEncoder> {
  switch (codec) {
    case 'opus':
      return OpusFrames.create();
    case 'pcmu':
      return g711Encoder(encodeMulaw);
    case 'pcma':
      return g711Encoder(encodeAlaw);
  }
}

/** At 24 kHz, the usual rate of sessions. */
function opusDecoder(decoder: OpusDecoder): FrameDecoder {
  return {
    sampleRateHz: 24_000,
    decode: (payload) => decoder.decode(payload),
    canRecover: hasFec,
    recover: (next, samples) => decoder.recover(next, samples),
    conceal: (samples) => decoder.conceal(samples),
    free: () => decoder.free(),
  };
}

/** Expects at least this loss, in percent: libopus only adds FEC if it expects some. */
const leastExpectedLoss = 5;
/** Silent frames after which the encoder repeats itself. */
const settledFrames = 10;

/** Opus for speech. The packet of continued silence is encoded once. */
class OpusFrames implements FrameEncoder {
  readonly sampleRateHz = 24_000;
  readonly #encoder: OpusEncoder;
  #silentFrames = 0;
  #silence: Uint8Array = new Uint8Array();
  #expectedLoss = leastExpectedLoss;

  private constructor(encoder: OpusEncoder) {
    this.#encoder = encoder;
  }

  static async create(): Promise<OpusFrames> {
    const options = { sampleRateHz: 24_000, bitsPerSecond: 32_000, complexity: 5 } as const;
    return new OpusFrames(await OpusEncoder.create({ ...options, expectedLossPercent: leastExpectedLoss }));
  }

  encode(samples: Int16Array): Uint8Array {
    if (samples.some((sample) => sample !== 0)) {
      this.#silentFrames = 0;
      return this.#encoder.encode(samples);
    }
    if (this.#silentFrames < settledFrames) {
      this.#silentFrames += 1;
      this.#silence = this.#encoder.encode(samples);
    }
    return this.#silence;
  }

  reportLoss(fraction: number): void {
    const percent = Math.min(30, Math.max(leastExpectedLoss, Math.ceil(fraction * 100)));
    if (percent === this.#expectedLoss) return;
    this.#expectedLoss = percent;
    this.#encoder.expectLoss(percent);
  }

  free(): void {
    this.#encoder.free();
  }
}

function g711Encoder(encode: (samples: Int16Array) => Uint8Array): FrameEncoder {
  return { sampleRateHz: 8000, encode, reportLoss: () => {}, free: () => {} };
}

/** G.711 with concealment. */
class G711Decoder implements FrameDecoder {
  readonly sampleRateHz = 8000;
  readonly #decode: (bytes: Uint8Array) => Int16Array;
  readonly #concealment = new G711Concealment();

  constructor(decode: (bytes: Uint8Array) => Int16Array) {
    this.#decode = decode;
  }

  decode(payload: Uint8Array): Int16Array {
    if (payload.length < samplesIn(shortestFrameMs, this.sampleRateHz)) {
      throw new RangeError(`A G.711 packet of ${payload.length} bytes is shorter than ${shortestFrameMs} ms`);
    }
    const samples = this.#decode(payload);
    this.#concealment.received(samples);
    return samples;
  }

  canRecover(): boolean {
    return false;
  }

  recover(_next: Uint8Array, samples: number): Int16Array {
    return this.conceal(samples);
  }

  conceal(samples: number): Int16Array {
    return this.#concealment.conceal(samples);
  }

  free(): void {}
}
