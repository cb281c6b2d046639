/** Audio as events carry it: base64 of the session's format, to and from 16-bit samples. */

import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '../../audio/g711.ts';
import { bytesAsSamples, samplesToBytes } from '../../audio/pcm.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';

const g711RateHz = 8000;

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

function unpaddedLength(base64: string): number {
  return base64.length - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);
}

/**
 * Decodes the base64 of one event, into memory of its own.
 * @throws {WireError} when it is not base64
 */
function decodeBase64(text: string, format: AudioFormat): Uint8Array {
  const characters = unpaddedLength(text);
  const bytes = Buffer.alloc(decodedBytes(text));
  // Node skips what is not base64, so that the result comes out shorter than its text promises.
  if (bytes.write(text, 'base64') !== bytes.length || characters % 4 === 1)
    throw wireErrors.badAudio(descriptions[format.type], 'an invalid base64 string');
  return bytes;
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
    const bytes = decodeBase64(base64, this.format);
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

/** Decodes audio that came whole, in an item. An odd last byte is left out. */
export function decodeClip(base64: string, format: AudioFormat): Int16Array {
  return new AudioDecoder(format).push(base64);
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
