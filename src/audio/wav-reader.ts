import { decodeAlaw, decodeMulaw } from './g711.ts';
import { bytesToSamples, concatSamples, highestSampleRateHz, isSampleRate, lowestSampleRateHz } from './pcm.ts';

export const FORMAT_PCM = 1;
const FORMAT_FLOAT = 3;
const FORMAT_ALAW = 6;
const FORMAT_MULAW = 7;
const FORMAT_EXTENSIBLE = 0xfffe;

const MAX_CHANNELS = 32;
/** Files of audio editors have about ten chunks of metadata; the limit stops files that consist of chunks only. */
const MAX_CHUNKS = 256;
const CHUNK_HEADER_BYTES = 8;
const RIFF_HEADER_BYTES = 12;
/** From the tag to the bits per sample, and the part of an extensible format with its real tag. */
const FORMAT_BYTES = 16;
const EXTENSIBLE_BYTES = 26;
/** A streamed file has 0 or a number near 2³¹ or 2³² as its unknown length. */
const UNKNOWN_LENGTH = 0x7fffff00;
/** A chunk after the samples has text as its id, and is smaller than this. Otherwise the bytes are samples. */
const CHUNK_ID = /^[A-Za-z][A-Za-z0-9]{2}[A-Za-z0-9 ]$/;
const TRAILING_CHUNK_BYTES = 2 ** 24;

interface Format {
  channels: number;
  sampleRateHz: number;
  /** One sample of each channel: the format's "block align". */
  frameBytes: number;
  /** The samples of `count` values in `data`, on the scale of 16-bit PCM. */
  decode: (data: Uint8Array) => ArrayLike<number>;
}

/** The file is not a WAVE file, or is of an unsupported kind. */
export class WavError extends Error {
  override readonly name = 'WavError';
}

/**
 * Reads a WAVE file in pieces as mono 16-bit PCM at its own rate: the mean of its channels. Chunks other than `fmt `
 * and `data` are skipped; a `data` chunk that is truncated or of unknown length extends to the end of the file. Servers
 * that produce speech in pieces send several files one after the other, or samples after a `data` chunk that is too
 * short: both are read as one sound. The time for a piece is proportional to its length, regardless of the header.
 */
export class WavReader {
  #state: 'riff' | 'chunk' | 'format' | 'skip' | 'data' | 'behind' = 'riff';
  /** The state after a skipped chunk: `behind` after the samples of the file. */
  #next: 'chunk' | 'behind' = 'chunk';
  #pending: Uint8Array = new Uint8Array(0);
  #format: Format | undefined;
  #started = false;
  #chunks = 0;
  /** Remaining bytes of the current chunk. */
  #left = 0;
  /** A padding byte may follow the samples, because chunks begin at even positions. */
  #padding = 0;

  /** In hertz; undefined until the format is known. */
  get sampleRateHz(): number | undefined {
    return this.#format?.sampleRateHz;
  }

  /** Whether the header is complete. */
  get started(): boolean {
    return this.#started;
  }

  /**
   * Takes the next bytes of the file and returns the samples that they complete.
   * @throws {WavError} with the finding and the supported kinds
   */
  push(bytes: Uint8Array): Int16Array {
    let rest = bytes;
    if (this.#pending.length > 0) {
      rest = new Uint8Array(this.#pending.length + bytes.length);
      rest.set(this.#pending);
      rest.set(bytes, this.#pending.length);
    }
    const parts: Int16Array[] = [];
    for (;;) {
      const used = this.#state === 'data' ? this.#readData(rest, parts) : this.#readHeader(rest);
      if (used === undefined) break;
      rest = rest.subarray(used);
    }
    this.#pending = rest.slice();
    return joined(parts);
  }

  /**
   * Call at the end of the file; returns the samples that were held back as the possible start of a header.
   * @throws {WavError} when its header was incomplete
   */
  end(): Int16Array {
    const pending = this.#pending;
    this.#pending = new Uint8Array(0);
    if (this.#state === 'data') return this.#decode(pending);
    if (this.#next === 'behind') {
      return pending.length > this.#left + this.#padding ? this.#decode(pending) : new Int16Array(0);
    }
    if (this.#state === 'riff') throw notRiff();
    if (this.#state === 'format') throw new WavError('The "fmt " chunk of this WAV file is cut short');
    throw new WavError(`This WAV file has no ${this.#format ? '"data"' : '"fmt "'} chunk`);
  }

  /** Reads one step of the header and returns the number of bytes; undefined if more are needed. */
  #readHeader(bytes: Uint8Array): number | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    switch (this.#state) {
      case 'riff':
        if (bytes.length < RIFF_HEADER_BYTES) return undefined;
        if (!isRiff(bytes, 0)) throw notRiff();
        this.#state = 'chunk';
        this.#next = 'chunk';
        this.#chunks = 0;
        return RIFF_HEADER_BYTES;
      case 'chunk':
        if (bytes.length < CHUNK_HEADER_BYTES) return undefined;
        this.#beginChunk(tagAt(bytes, 0), view.getUint32(4, true));
        return CHUNK_HEADER_BYTES;
      case 'format': {
        const wanted = Math.min(this.#left, EXTENSIBLE_BYTES);
        if (bytes.length < wanted) return undefined;
        this.#takeFormat(readFormat(view, this.#left));
        this.#left -= wanted;
        this.#state = 'skip';
        return wanted;
      }
      case 'behind':
        return this.#readBehind(bytes);
      default: {
        const skipped = Math.min(this.#left, bytes.length);
        this.#left -= skipped;
        if (this.#left > 0) return skipped === 0 ? undefined : skipped;
        this.#state = this.#next;
        return skipped;
      }
    }
  }

  #takeFormat(format: Format): void {
    const before = this.#format?.sampleRateHz ?? format.sampleRateHz;
    if (before !== format.sampleRateHz) {
      throw new WavError(`A part of ${format.sampleRateHz} Hz follows one of ${before} Hz in this WAV file`);
    }
    this.#format = format;
  }

  #beginChunk(id: string, size: number): void {
    this.#chunks += 1;
    if (this.#chunks > MAX_CHUNKS) throw new WavError(`This WAV file has more than ${MAX_CHUNKS} chunks`);
    if (id === 'data') {
      if (this.#format === undefined) throw new WavError('This WAV file has no "fmt " chunk before its "data" chunk');
      this.#beginData(size === 0 || size >= UNKNOWN_LENGTH ? Number.POSITIVE_INFINITY : size);
      return;
    }
    if (id === 'fmt ' && size < FORMAT_BYTES) throw new WavError('The "fmt " chunk of this WAV file is cut short');
    this.#padding = 0;
    // Chunks begin at even positions.
    this.#left = size + (size % 2);
    this.#state = id === 'fmt ' ? 'format' : 'skip';
  }

  #beginData(bytes: number): void {
    this.#left = bytes;
    this.#padding = Number.isFinite(bytes) ? bytes % 2 : 0;
    this.#state = 'data';
    this.#next = 'behind';
    this.#started = true;
  }

  /** Determines by the bytes after the samples whether another file, a chunk, or more samples follow. */
  #readBehind(bytes: Uint8Array): number | undefined {
    const places = this.#padding === 0 ? [this.#left] : [this.#left, this.#left + this.#padding];
    if (bytes.length < this.#left + this.#padding + RIFF_HEADER_BYTES) {
      // The header of an empty chunk may be the end of a file.
      const chunk = places.find((at) => isChunk(bytes, at));
      return chunk === undefined ? undefined : this.#beginBehind('chunk', chunk);
    }
    for (const at of places) {
      if (isRiff(bytes, at)) return this.#beginBehind('riff', at);
      if (isChunk(bytes, at)) return this.#beginBehind('chunk', at);
    }
    this.#beginData(Number.POSITIVE_INFINITY);
    return 0;
  }

  #beginBehind(state: 'riff' | 'chunk', used: number): number {
    this.#state = state;
    this.#left = 0;
    this.#padding = 0;
    return used;
  }

  /** Decodes whole frames up to the end of the chunk or the header of another file; undefined if none is certain. */
  #readData(bytes: Uint8Array, parts: Int16Array[]): number | undefined {
    const frameBytes = this.#format?.frameBytes ?? 1;
    const inChunk = bytes.subarray(0, Math.min(bytes.length, this.#left));
    const riff = riffIn(bytes, inChunk.length);
    const certain = riff?.at ?? inChunk.length;
    const whole = certain - (certain % frameBytes);
    if (whole > 0) parts.push(this.#decode(bytes.subarray(0, whole)));
    if (riff?.whole) {
      this.#state = 'riff';
      return riff.at;
    }
    this.#left -= whole;
    if (this.#left < frameBytes) this.#state = 'behind';
    else if (whole === 0) return undefined;
    return whole;
  }

  #decode(bytes: Uint8Array): Int16Array {
    const format = this.#format;
    if (format === undefined) return new Int16Array(0);
    const whole = bytes.length - (bytes.length % format.frameBytes);
    return mixedDown(format.decode(bytes.subarray(0, whole)), format.channels);
  }
}

/** The position of a file's header in the first `length` bytes; not `whole`: more bytes are needed to decide. */
function riffIn(bytes: Uint8Array, length: number): { at: number; whole: boolean } | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = buffer.indexOf('RIFF'); at >= 0 && at < length; at = buffer.indexOf('RIFF', at + 4)) {
    const form = tagAt(bytes, at + 8);
    if ('WAVE'.startsWith(form)) return { at, whole: form === 'WAVE' };
  }
  for (let at = Math.max(0, bytes.length - 3); at < length; at++) {
    if ('RIFF'.startsWith(tagAt(bytes, at))) return { at, whole: false };
  }
  return undefined;
}

function isRiff(bytes: Uint8Array, at: number): boolean {
  return tagAt(bytes, at) === 'RIFF' && tagAt(bytes, at + 8) === 'WAVE';
}

function isChunk(bytes: Uint8Array, at: number): boolean {
  if (bytes.length < at + CHUNK_HEADER_BYTES) return false;
  const id = tagAt(bytes, at);
  if (id === 'RIFF' || !CHUNK_ID.test(id)) return false;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 4, true);
  return id === 'data' || size < TRAILING_CHUNK_BYTES;
}

function joined(parts: readonly Int16Array[]): Int16Array {
  const [first, ...others] = parts;
  return others.length === 0 ? (first ?? new Int16Array(0)) : concatSamples(parts);
}

function notRiff(): WavError {
  return new WavError('Not a WAV file: it does not begin with RIFF…WAVE');
}

function tagAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** Validates every number that becomes a divisor, a length or a bound. */
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
