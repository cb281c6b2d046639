/** Audio as events carry it: base64 of the session's format, to and from 16-bit samples. */

import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '../../audio/g711.ts';
import { bytesAsSamples, concatSamples, samplesToBytes } from '../../audio/pcm.ts';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';

const g711RateHz = 8000;

/** Audio that is coded in one turn of the event loop, in characters of base64: a few milliseconds of work. */
const charactersPerTurn = 256 * 1024;
/** Audio that is encoded at once, in samples. Three samples of any format are whole groups of base64. */
const samplesAtOnce = 3 * 32 * 1024;

export function formatRateHz(format: AudioFormat): number {
  return format.type === 'audio/pcm' ? format.rate : g711RateHz;
}

export function bytesPerSample(format: AudioFormat): number {
  return format.type === 'audio/pcm' ? 2 : 1;
}

const descriptions: Record<AudioFormat['type'], string> = {
  'audio/pcm': 'mono PCM16 at 24kHz',
  'audio/pcmu': 'mono G.711 µ-law at 8kHz',
  'audio/pcma': 'mono G.711 A-law at 8kHz',
};

/** How many bytes base64 of good form decodes to. */
export function decodedBytes(base64: string): number {
  return Math.floor((unpaddedLength(base64) * 3) / 4);
}

/** How many characters so many bytes are in base64. */
function base64Characters(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

function unpaddedLength(base64: string): number {
  return base64.length - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
}

/**
 * Decodes the base64 of one event, into memory of its own.
 * @throws {WireError} when it is not base64
 */
function decodeBase64(text: string, format: AudioFormat): Uint8Array {
  const bytes = Buffer.alloc(decodedBytes(text));
  requireWhole(text, bytes.write(text, 'base64'), format);
  return bytes;
}

/** As `decodeBase64`, in turns of the event loop. */
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

/** Node skips what is not base64, so that the result comes out shorter than its text promises. */
function requireWhole(text: string, writtenBytes: number, format: AudioFormat): void {
  if (writtenBytes !== decodedBytes(text) || unpaddedLength(text) % 4 === 1)
    throw wireErrors.badAudio(descriptions[format.type], 'an invalid base64 string');
}

/** Decodes a stream of appends: an odd byte of PCM is carried to the next one (docs/protocol.md §8). */
export class AudioDecoder {
  readonly format: AudioFormat;
  #carried: Uint8Array = new Uint8Array(0);

  constructor(format: AudioFormat) {
    this.format = format;
  }

  /** @throws {WireError} when the text is not base64; nothing is taken then. */
  push(base64: string): Int16Array {
    return this.#samples(decodeBase64(base64, this.format));
  }

  /**
   * As `push`, in pieces and in turns of the event loop.
   * @throws {WireError} before the first piece, when the text is not base64; nothing is taken then.
   */
  async *pushInTurns(base64: string, eventLoopYield = codingTurns()): AsyncGenerator<Int16Array> {
    const bytes = await decodeBase64InTurns(base64, this.format, eventLoopYield);
    const pieceBytes = samplesAtOnce * bytesPerSample(this.format);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      // A copy: who takes a piece keeps its memory, which must not be that of the whole.
      const piece = new Uint8Array(bytes.subarray(at, at + pieceBytes));
      yield this.#samples(piece);
      await eventLoopYield.step(base64Characters(piece.length));
    }
  }

  #samples(bytes: Uint8Array): Int16Array {
    if (this.format.type === 'audio/pcmu') return decodeMulaw(bytes);
    if (this.format.type === 'audio/pcma') return decodeAlaw(bytes);
    if (this.#carried.length === 0 && bytes.length % 2 === 0) return bytesAsSamples(bytes);
    // Not from Node's pool of small buffers, whose memory others use.
    const whole = new Uint8Array(this.#carried.length + bytes.length);
    whole.set(this.#carried);
    whole.set(bytes, this.#carried.length);
    const even = whole.length & ~1;
    this.#carried = whole.slice(even);
    return bytesAsSamples(whole.subarray(0, even));
  }

  /** Forgets a carried byte: what follows begins anew. */
  reset(): void {
    this.#carried = new Uint8Array(0);
  }
}

/** Turns of the event loop for coding audio; one for all that belongs together. */
export function codingTurns(): EventLoopYield {
  return new EventLoopYield(charactersPerTurn);
}

/** Whether so much base64 is coded in turns. */
export function takesTurns(characters: number): boolean {
  return characters > charactersPerTurn;
}

/** Decodes audio that came whole, in an item. An odd last byte is left out. */
export function decodeClip(base64: string, format: AudioFormat): Int16Array {
  return new AudioDecoder(format).push(base64);
}

/** As `decodeClip`, in turns of the event loop. */
export async function decodeClipInTurns(
  base64: string,
  format: AudioFormat,
  eventLoopYield: EventLoopYield,
): Promise<Int16Array> {
  const pieces: Int16Array[] = [];
  for await (const piece of new AudioDecoder(format).pushInTurns(base64, eventLoopYield)) pieces.push(piece);
  return concatSamples(pieces);
}

/** As `encodeAudio`, in turns of the event loop. */
export async function encodeAudioInTurns(
  samples: Int16Array,
  format: AudioFormat,
  eventLoopYield: EventLoopYield,
): Promise<string> {
  const pieces: string[] = [];
  for (let at = 0; at < samples.length; at += samplesAtOnce) {
    const piece = encodeAudio(samples.subarray(at, at + samplesAtOnce), format);
    pieces.push(piece);
    await eventLoopYield.step(piece.length);
  }
  return pieces.join('');
}

/** Base64 of samples that are at the format's rate. */
export function encodeAudio(samples: Int16Array, format: AudioFormat): string {
  const bytes =
    format.type === 'audio/pcm'
      ? samplesToBytes(samples)
      : format.type === 'audio/pcmu'
        ? encodeMulaw(samples)
        : encodeAlaw(samples);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
