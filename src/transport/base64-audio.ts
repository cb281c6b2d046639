/** Audio in events: base64 in a wire format, converted to and from 16-bit samples. */

import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '../audio/g711.ts';
import { bytesAsSamples, concatInTurns, durationMs, samplesToBytes } from '../audio/pcm.ts';
import { EventLoopYield } from '../core/event-loop-yield.ts';
import { WireError, wireErrors } from '../protocol/errors/wire-errors.ts';
import { type AudioFormat, formatRateHz } from '../protocol/wire/session-config.ts';
import type { AudioCodec, AudioDecoder, DecodedClips, FormattedAudio } from '../session/ports/audio-codec.ts';

/** Characters of base64 converted per turn of the event loop: a few milliseconds of work. */
const charactersPerTurn = 256 * 1024;
/** Samples encoded at once. Three samples of any format are whole groups of base64. */
const samplesAtOnce = 3 * 32 * 1024;

function bytesPerSample(format: AudioFormat): number {
  return format.type === 'audio/pcm' ? 2 : 1;
}

const descriptions: Record<AudioFormat['type'], string> = {
  'audio/pcm': 'mono PCM16 at 24kHz',
  'audio/pcmu': 'mono G.711 µ-law at 8kHz',
  'audio/pcma': 'mono G.711 A-law at 8kHz',
};

/** Decoded length of well-formed base64, in bytes. */
function decodedBytes(base64: string): number {
  return Math.floor((unpaddedLength(base64) * 3) / 4);
}

/** Encoded length of bytes, in characters. */
function base64Characters(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

function unpaddedLength(base64: string): number {
  return base64.length - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
}

/**
 * Decodes base64 into `bytes`, which has its decoded length.
 * @throws {WireError} when the text is not base64
 */
function decodeBase64(text: string, bytes: Buffer<ArrayBuffer>, format: AudioFormat): Buffer<ArrayBuffer> {
  requireWhole(text, bytes.write(text, 'base64'), format);
  return bytes;
}

/** As `decodeBase64`, over several turns of the event loop. */
async function decodeBase64InTurns(
  text: string,
  format: AudioFormat,
  eventLoopYield: EventLoopYield,
): Promise<Uint8Array> {
  const bytes = Buffer.alloc(decodedBytes(text));
  let written = 0;
  for (let at = 0; at < text.length; at += charactersPerTurn) {
    const piece = text.slice(at, at + charactersPerTurn);
    written += bytes.write(piece, written, 'base64');
    await eventLoopYield.step(piece.length);
  }
  requireWhole(text, written, format);
  return bytes;
}

/** Node skips invalid characters, so the result is then shorter than the text implies. */
function requireWhole(text: string, writtenBytes: number, format: AudioFormat): void {
  if (writtenBytes !== decodedBytes(text) || unpaddedLength(text) % 4 === 1)
    throw wireErrors.badAudio(descriptions[format.type], 'an invalid base64 string');
}

/** For appends, whose samples are copied at once: new memory for each costs more than decoding it. */
const shared = Buffer.alloc(16 * 1024);

class Base64Decoder implements AudioDecoder {
  readonly format: AudioFormat;
  /** An odd byte of PCM, carried to the next append (docs/protocol.md §8). */
  #carried: Uint8Array = new Uint8Array(0);

  constructor(format: AudioFormat) {
    this.format = format;
  }

  push(base64: string): Int16Array | AsyncIterable<Int16Array> {
    if (base64.length > charactersPerTurn) return this.pushInTurns(base64, codingTurns());
    return this.pushAtOnce(base64);
  }

  pushBriefly(base64: string): Int16Array | AsyncIterable<Int16Array> {
    const length = decodedBytes(base64);
    if (length > shared.length) return this.push(base64);
    return this.#samples(decodeBase64(base64, shared.subarray(0, length), this.format));
  }

  pushAtOnce(base64: string): Int16Array {
    return this.#samples(decodeBase64(base64, Buffer.alloc(decodedBytes(base64)), this.format));
  }

  async *pushInTurns(base64: string, eventLoopYield: EventLoopYield): AsyncGenerator<Int16Array> {
    const bytes = await decodeBase64InTurns(base64, this.format, eventLoopYield);
    const pieceBytes = samplesAtOnce * bytesPerSample(this.format);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      // Copied, so that a piece does not retain the memory of the whole.
      const piece = new Uint8Array(bytes.subarray(at, at + pieceBytes));
      yield this.#samples(piece);
      await eventLoopYield.step(base64Characters(piece.length));
    }
  }

  #samples(bytes: Uint8Array): Int16Array {
    if (this.format.type === 'audio/pcmu') return decodeMulaw(bytes);
    if (this.format.type === 'audio/pcma') return decodeAlaw(bytes);
    if (this.#carried.length === 0 && bytes.length % 2 === 0) return bytesAsSamples(bytes);
    // Not from Node's pool of small buffers, whose memory is shared.
    const whole = new Uint8Array(this.#carried.length + bytes.length);
    whole.set(this.#carried);
    whole.set(bytes, this.#carried.length);
    const even = whole.length & ~1;
    this.#carried = whole.slice(even);
    return bytesAsSamples(whole.subarray(0, even));
  }
}

/** Shared by everything that is encoded or decoded together. */
function codingTurns(): EventLoopYield {
  return new EventLoopYield(charactersPerTurn);
}

/** Decodes the complete audio of an item. An odd last byte is dropped. */
function decodeClip(base64: string, format: AudioFormat): Int16Array | WireError {
  try {
    return new Base64Decoder(format).pushAtOnce(base64);
  } catch (error) {
    return asWireError(error);
  }
}

async function decodeClipsInTurns(texts: readonly string[], format: AudioFormat): Promise<DecodedClips> {
  const eventLoopYield = codingTurns();
  const clips: (Int16Array | WireError)[] = [];
  for (const base64 of texts) {
    const pieces = Array.fromAsync(new Base64Decoder(format).pushInTurns(base64, eventLoopYield));
    clips.push(await pieces.then(concatInTurns, asWireError));
  }
  return clips;
}

function asWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  throw error;
}

async function encodeInTurns({ samples, format }: FormattedAudio, eventLoopYield: EventLoopYield): Promise<string> {
  const pieces: string[] = [];
  for (let at = 0; at < samples.length; at += samplesAtOnce) {
    const piece = encode({ samples: samples.subarray(at, at + samplesAtOnce), format });
    pieces.push(piece);
    await eventLoopYield.step(piece.length);
  }
  return pieces.join('');
}

function encode({ samples, format }: FormattedAudio): string {
  const bytes =
    format.type === 'audio/pcm'
      ? samplesToBytes(samples)
      : format.type === 'audio/pcmu'
        ? encodeMulaw(samples)
        : encodeAlaw(samples);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The codec of both dialects. */
export const base64Audio: AudioCodec = {
  measure(text, format) {
    const bytes = decodedBytes(text);
    return { bytes, durationMs: durationMs(bytes / bytesPerSample(format), formatRateHz(format)) };
  },
  decoder: (format) => new Base64Decoder(format),
  decodeClips(texts, format) {
    const characters = texts.reduce((sum, { length }) => sum + length, 0);
    if (characters > charactersPerTurn) return decodeClipsInTurns(texts, format);
    return texts.map((text) => decodeClip(text, format));
  },
  encode,
  async encodeClips(clips) {
    const eventLoopYield = codingTurns();
    const texts: string[] = [];
    for (const clip of clips) texts.push(await encodeInTurns(clip, eventLoopYield));
    return texts;
  },
};
