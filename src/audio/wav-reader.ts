import { decodeAlaw, decodeMulaw } from './g711.ts';
import { bytesToSamples, highestSampleRateHz, isSampleRate, lowestSampleRateHz } from './pcm.ts';

export const FORMAT_PCM = 1;
const FORMAT_FLOAT = 3;
const FORMAT_ALAW = 6;
const FORMAT_MULAW = 7;
const FORMAT_EXTENSIBLE = 0xfffe;

const MAX_CHANNELS = 32;
/** Files of audio editors have some ten chunks of metadata; a file of nothing but chunks would only cost time. */
const MAX_CHUNKS = 256;
const CHUNK_HEADER_BYTES = 8;
const RIFF_HEADER_BYTES = 12;
/** From the tag to the bits per sample, and the part of an extensible format that holds its real tag. */
const FORMAT_BYTES = 16;
const EXTENSIBLE_BYTES = 26;
/** A streamed file does not know its length and writes 0 or a number near 2³¹ or 2³². */
const UNKNOWN_LENGTH = 0x7fffff00;

interface Format {
  channels: number;
  sampleRateHz: number;
  /** One sample of each channel: the format's "block align". */
  frameBytes: number;
  /** The samples of `count` values in `data`, on the scale of 16-bit PCM. */
  decode: (data: Uint8Array) => ArrayLike<number>;
}

/** The file is not a WAVE file, or one of a kind that cannot be read. */
export class WavError extends Error {
  override readonly name = 'WavError';
}

/**
 * Reads a WAVE file piece by piece as mono 16-bit PCM at its own rate: the mean of its channels. Chunks other than `fmt `
 * and `data` are skipped; a `data` chunk that is cut short or of unknown length goes to the end of the file. A piece costs
 * time in proportion to its length, whatever the header says.
 */
export class WavReader {
  #state: 'riff' | 'chunk' | 'format' | 'skip' | 'data' | 'end' = 'riff';
  #pending: Uint8Array = new Uint8Array(0);
  #format: Format | undefined;
  #chunks = 0;
  /** Bytes of the current chunk that are still to come. */
  #left = 0;

  /** In hertz; undefined until the format is known. */
  get sampleRateHz(): number | undefined {
    return this.#format?.sampleRateHz;
  }

  /** Whether the header is complete. */
  get started(): boolean {
    return this.#state === 'data' || this.#state === 'end';
  }

  /**
   * Takes the next bytes of the file and returns the samples that they complete.
   * @throws {WavError} saying what was found and what can be read
   */
  push(bytes: Uint8Array): Int16Array {
    let rest = bytes;
    if (this.#pending.length > 0) {
      rest = new Uint8Array(this.#pending.length + bytes.length);
      rest.set(this.#pending);
      rest.set(bytes, this.#pending.length);
    }
    while (this.#state !== 'data' && this.#state !== 'end') {
      const used = this.#readHeader(rest);
      if (used === undefined) {
        this.#pending = rest.slice();
        return new Int16Array(0);
      }
      rest = rest.subarray(used);
    }
    return this.#readData(rest);
  }

  /**
   * To be called when the file has ended.
   * @throws {WavError} when its header was not complete
   */
  end(): void {
    if (this.#state === 'riff') throw notRiff();
    if (this.#state === 'format') throw new WavError('The "fmt " chunk of this WAV file is cut short');
    if (!this.started) throw new WavError(`This WAV file has no ${this.#format ? '"data"' : '"fmt "'} chunk`);
  }

  /** Reads one step of the header and returns the bytes that it took; undefined when more have to come first. */
  #readHeader(bytes: Uint8Array): number | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    switch (this.#state) {
      case 'riff':
        if (bytes.length < RIFF_HEADER_BYTES) return undefined;
        if (tagAt(bytes, 0) !== 'RIFF' || tagAt(bytes, 8) !== 'WAVE') throw notRiff();
        this.#state = 'chunk';
        return RIFF_HEADER_BYTES;
      case 'chunk':
        if (bytes.length < CHUNK_HEADER_BYTES) return undefined;
        this.#beginChunk(tagAt(bytes, 0), view.getUint32(4, true));
        return CHUNK_HEADER_BYTES;
      case 'format': {
        const wanted = Math.min(this.#left, EXTENSIBLE_BYTES);
        if (bytes.length < wanted) return undefined;
        this.#format = readFormat(view, this.#left);
        this.#left -= wanted;
        this.#state = 'skip';
        return wanted;
      }
      default: {
        const skipped = Math.min(this.#left, bytes.length);
        this.#left -= skipped;
        if (this.#left > 0) return skipped === 0 ? undefined : skipped;
        this.#state = 'chunk';
        return skipped;
      }
    }
  }

  #beginChunk(id: string, size: number): void {
    this.#chunks += 1;
    if (this.#chunks > MAX_CHUNKS) throw new WavError(`This WAV file has more than ${MAX_CHUNKS} chunks`);
    if (id === 'data') {
      if (this.#format === undefined) throw new WavError('This WAV file has no "fmt " chunk before its "data" chunk');
      this.#left = size === 0 || size >= UNKNOWN_LENGTH ? Number.POSITIVE_INFINITY : size;
      this.#state = 'data';
      return;
    }
    if (id === 'fmt ' && size < FORMAT_BYTES) throw new WavError('The "fmt " chunk of this WAV file is cut short');
    // Chunks begin at even places.
    this.#left = size + (size % 2);
    this.#state = id === 'fmt ' ? 'format' : 'skip';
  }

  #readData(bytes: Uint8Array): Int16Array {
    const format = this.#format;
    if (format === undefined || this.#state === 'end') return new Int16Array(0);
    const length = Math.min(bytes.length, this.#left);
    const whole = length - (length % format.frameBytes);
    this.#left -= whole;
    if (this.#left < format.frameBytes) this.#state = 'end';
    this.#pending = this.#state === 'end' ? new Uint8Array(0) : bytes.slice(whole);
    return mixedDown(format.decode(bytes.subarray(0, whole)), format.channels);
  }
}

function notRiff(): WavError {
  return new WavError('Not a WAV file: it does not begin with RIFF…WAVE');
}

function tagAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** Every number that becomes a divisor, a length or a bound is checked here. */
function readFormat(view: DataView, size: number): Format {
  const given = view.getUint16(0, true);
  const tag = given === FORMAT_EXTENSIBLE && size >= EXTENSIBLE_BYTES ? view.getUint16(24, true) : given;
  const channels = view.getUint16(2, true);
  const sampleRateHz = view.getUint32(4, true);
  const frameBytes = view.getUint16(12, true);
  const bits = view.getUint16(14, true);
  if (channels === 0) throw new WavError('This WAV file says that it has no channels');
  if (channels > MAX_CHANNELS) {
    throw new WavError(`This WAV file has ${channels} channels; at most ${MAX_CHANNELS} can be read`);
  }
  if (!isSampleRate(sampleRateHz)) {
    throw new WavError(
      `This WAV file has a sample rate of ${sampleRateHz} Hz; rates from ${lowestSampleRateHz} to ${highestSampleRateHz} Hz can be read`,
    );
  }
  const decode = decoderFor(tag, bits);
  if (decode === undefined) {
    throw new WavError(
      `This WAV file has format ${tag} with ${bits} bits per sample; PCM (8, 16, 24 or 32 bits), 32-bit float, µ-law and A-law can be read`,
    );
  }
  if (frameBytes !== (channels * bits) / 8) {
    throw new WavError(
      `This WAV file says that a frame has ${frameBytes} bytes, but ${channels} × ${bits} bits are ${(channels * bits) / 8}`,
    );
  }
  return { channels, sampleRateHz, frameBytes, decode };
}

function decoderFor(tag: number, bits: number): Format['decode'] | undefined {
  if (tag === FORMAT_PCM && bits === 16) return bytesToSamples;
  if (tag === FORMAT_PCM && bits === 8) return (data) => Int16Array.from(data, (value) => (value - 128) * 256);
  if (tag === FORMAT_PCM && bits === 24) {
    return scaled(3, (view, at) => view.getInt16(at + 1, true) + view.getUint8(at) / 256);
  }
  if (tag === FORMAT_PCM && bits === 32) return scaled(4, (view, at) => view.getInt32(at, true) / 65536);
  if (tag === FORMAT_FLOAT && bits === 32) return scaled(4, (view, at) => view.getFloat32(at, true) * 32768);
  if (tag === FORMAT_MULAW && bits === 8) return decodeMulaw;
  if (tag === FORMAT_ALAW && bits === 8) return decodeAlaw;
  return undefined;
}

function scaled(valueBytes: number, valueAt: (view: DataView, at: number) => number): Format['decode'] {
  return (data) => {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const values = new Float64Array(data.length / valueBytes);
    for (let index = 0; index < values.length; index++) values[index] = valueAt(view, index * valueBytes);
    return values;
  };
}

function mixedDown(values: ArrayLike<number>, channels: number): Int16Array {
  if (channels === 1 && values instanceof Int16Array) return values;
  const samples = new Int16Array(values.length / channels);
  for (let frame = 0; frame < samples.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += values[frame * channels + channel] ?? 0;
    samples[frame] = Math.max(-32768, Math.min(32767, Math.round(sum / channels)));
  }
  return samples;
}
