/**
 * The Opus codec (RFC 6716): libopus as WebAssembly, from the package `@evan/opus`. Its own JavaScript interface can
 * neither conceal lost packets nor decode in-band FEC, so this is a binding of the functions that the module exports.
 */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Requests of `opus_encoder_ctl` (opus_defines.h). */
const SET_BITRATE = 4002;
const SET_COMPLEXITY = 4010;
const SET_INBAND_FEC = 4012;
const SET_PACKET_LOSS_PERC = 4014;
const SET_SIGNAL = 4024;
const SIGNAL_VOICE = 3001;
const APPLICATION_VOIP = 2048;

/** A packet has at most 120 ms of audio, at most at 48 kHz. */
const LONGEST_SAMPLES = 5760;
/** RFC 6716 §3.4: frames of at most 1275 bytes, and at most 48 of them; a larger packet is not from an encoder. */
const LARGEST_PACKET_BYTES = 7680;
const LARGEST_FRAME_BYTES = 1275;

/** Sample rates of the codec. */
export type OpusRateHz = 8000 | 12_000 | 16_000 | 24_000 | 48_000;

interface Library {
  readonly memory: WebAssembly.Memory;
  /** A function of libopus; numbers are integers or offsets into the memory. */
  readonly call: (name: string, ...args: number[]) => number;
  /** Buffers that all codecs share, because calls are synchronous. */
  readonly samples: number;
  readonly packet: number;
}

let library: Promise<Library> | undefined;

/** A packet that the decoder refuses, or a failure of the codec. */
export class OpusError extends Error {
  override name = 'OpusError';
}

/** Loads libopus, once per thread (about 6 ms). */
function load(): Promise<Library> {
  library ??= instantiate();
  return library;
}

async function instantiate(): Promise<Library> {
  const file = fileURLToPath(import.meta.resolve('@evan/opus/wasm/simd.wasm'));
  // libopus writes nothing; the functions exist because the C library refers to them.
  const refused = () => -1;
  const { instance } = await WebAssembly.instantiate(await readFile(file), {
    env: { emscripten_notify_memory_growth: () => {} },
    wasi_snapshot_preview1: { fd_seek: refused, fd_write: refused, fd_close: refused, proc_exit: refused },
  });
  const { memory } = instance.exports;
  if (!(memory instanceof WebAssembly.Memory)) throw new OpusError('libopus exports no memory');
  const call = (name: string, ...args: number[]): number => {
    const found = instance.exports[name];
    if (typeof found !== 'function') throw new OpusError(`libopus does not export ${name}`);
    const result: unknown = found(...args);
    return typeof result === 'number' ? result : 0;
  };
  call('_initialize');
  return {
    memory,
    call,
    samples: call('malloc', LONGEST_SAMPLES * 2),
    packet: call('malloc', LARGEST_PACKET_BYTES),
  };
}

/** State of a codec in the memory of the library, until `free()`. */
class OpusCodec {
  readonly #library: Library;
  readonly #state: number;
  #freed = false;

  constructor(codec: Library, kind: 'encoder' | 'decoder', init: readonly number[]) {
    this.#library = codec;
    this.#state = codec.call('malloc', codec.call(`opus_${kind}_get_size`, 1));
    this.check(codec.call(`opus_${kind}_init`, this.#state, ...init));
  }

  get library(): Library {
    return this.#library;
  }

  call(name: string, ...args: number[]): number {
    if (this.#freed) throw new OpusError('The codec has been freed');
    const { call } = this.#library;
    const stack = call('stackSave');
    try {
      return this.check(call(name, this.#state, ...args));
    } catch (error) {
      // A WebAssembly trap leaves the shadow stack where it was, which all codecs share.
      call('stackRestore', stack);
      throw error instanceof OpusError ? error : new OpusError('libopus failed', { cause: error });
    }
  }

  /** @throws {OpusError} for the negative codes of libopus */
  check(result: number): number {
    if (result < 0) throw new OpusError(`libopus refused the data (code ${result})`);
    return result;
  }

  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#library.call('free', this.#state);
  }
}

export interface OpusEncoderOptions {
  sampleRateHz: OpusRateHz;
  bitsPerSecond: number;
  /** 0…10: at 5, 20 ms of speech take about 0.3 ms, at 9 twice as long. */
  complexity: number;
  /** The loss for which in-band FEC is dimensioned, in percent. */
  expectedLossPercent: number;
}

/** Encodes one mono stream for speech, with in-band FEC. */
export class OpusEncoder {
  readonly #codec: OpusCodec;

  private constructor(codec: OpusCodec) {
    this.#codec = codec;
  }

  static async create(options: OpusEncoderOptions): Promise<OpusEncoder> {
    const codec = new OpusCodec(await load(), 'encoder', [options.sampleRateHz, 1, APPLICATION_VOIP]);
    const encoder = new OpusEncoder(codec);
    encoder.#set(SET_SIGNAL, SIGNAL_VOICE);
    encoder.#set(SET_BITRATE, options.bitsPerSecond);
    encoder.#set(SET_COMPLEXITY, options.complexity);
    encoder.#set(SET_INBAND_FEC, 1);
    encoder.expectLoss(options.expectedLossPercent);
    return encoder;
  }

  /** Dimensions in-band FEC, 0…100. */
  expectLoss(percent: number): void {
    this.#set(SET_PACKET_LOSS_PERC, percent);
  }

  /**
   * Encodes one frame of 2.5, 5, 10, 20, 40 or 60 ms.
   * @throws {OpusError} for another number of samples
   */
  encode(samples: Int16Array): Uint8Array<ArrayBuffer> {
    const { memory, samples: input, packet } = this.#codec.library;
    new Int16Array(memory.buffer, input, LONGEST_SAMPLES).set(samples);
    const bytes = this.#codec.call('opus_encode', input, samples.length, packet, LARGEST_FRAME_BYTES);
    return new Uint8Array(memory.buffer, packet, bytes).slice();
  }

  free(): void {
    this.#codec.free();
  }

  #set(request: number, value: number): void {
    this.#codec.call('opus_encoder_ctl_set', request, value);
  }
}

/** Decodes one stream to mono, at any rate of the codec. */
export class OpusDecoder {
  readonly #codec: OpusCodec;

  private constructor(codec: OpusCodec) {
    this.#codec = codec;
  }

  static async create(sampleRateHz: OpusRateHz): Promise<OpusDecoder> {
    return new OpusDecoder(new OpusCodec(await load(), 'decoder', [sampleRateHz, 1]));
  }

  /**
   * The samples of a packet (RFC 6716 §3).
   * @throws {OpusError} when it is malformed
   */
  decode(packet: Uint8Array): Int16Array<ArrayBuffer> {
    return this.#decode(packet, LONGEST_SAMPLES, 0);
  }

  /**
   * The last `samples` before a packet, from its in-band FEC if it has any, else concealed. `samples` is a multiple of
   * 2.5 ms.
   */
  recover(next: Uint8Array, samples: number): Int16Array<ArrayBuffer> {
    return this.#decode(next, samples, 1);
  }

  /** Continues the sound of the previous packets, fading, for a lost packet. `samples` is a multiple of 2.5 ms. */
  conceal(samples: number): Int16Array<ArrayBuffer> {
    return this.#decode(new Uint8Array(0), samples, 0);
  }

  free(): void {
    this.#codec.free();
  }

  #decode(packet: Uint8Array, samples: number, fec: 0 | 1): Int16Array<ArrayBuffer> {
    if (packet.length > LARGEST_PACKET_BYTES) throw new OpusError(`A packet of ${packet.length} bytes is too large`);
    const { memory, samples: output, packet: input } = this.#codec.library;
    new Uint8Array(memory.buffer, input, LARGEST_PACKET_BYTES).set(packet);
    const pointer = packet.length > 0 ? input : 0;
    const decoded = this.#codec.call('opus_decode', pointer, packet.length, output, samples, fec);
    return new Int16Array(memory.buffer, output, decoded).slice();
  }
}

/** Whether a packet of one frame carries in-band FEC for the packet before it (RFC 6716 §4.2.3, §4.2.4). */
export function hasFec([toc = 0xff, flags = 0]: Uint8Array): boolean {
  const configuration = toc >> 3;
  const isCelt = configuration >= 16;
  const isSingle = (toc & 0b11) === 0;
  if (isCelt || !isSingle) return false;
  // The header has a flag for each 20 ms of voice activity, and then the flag of FEC.
  const activityFlags = configuration < 12 ? ([1, 1, 2, 3][configuration % 4] ?? 1) : 1;
  return ((flags >> (7 - activityFlags)) & 1) === 1;
}
