/** Audio as events carry it: base64 of the session's format, to and from 16-bit samples. */

import { decodeAlaw, decodeMulaw, encodeAlaw, encodeMulaw } from '../audio/g711.ts';
import { bytesToSamples, samplesToBytes } from '../audio/pcm.ts';
import { wireErrors } from '../protocol/errors.ts';
import type { AudioFormat } from '../protocol/session-config.ts';

const g711RateHz = 8000;

export function formatRateHz(format: AudioFormat): number {
  return format.type === 'audio/pcm' ? format.rate : g711RateHz;
}

const descriptions: Record<AudioFormat['type'], string> = {
  'audio/pcm': 'mono PCM16 at 24kHz',
  'audio/pcmu': 'mono G.711 µ-law at 8kHz',
  'audio/pcma': 'mono G.711 A-law at 8kHz',
};

/**
 * Decodes the base64 of one event.
 * @throws {WireError} when it is not base64
 */
export function decodeBase64(text: string, format: AudioFormat): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64, so that the result comes out shorter than its text promises.
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const characters = text.length - padding;
  const promised = Math.floor((characters * 3) / 4);
  if (bytes.length !== promised || characters % 4 === 1)
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
    const whole = this.#carried.length === 0 ? bytes : Buffer.concat([this.#carried, bytes]);
    const even = whole.length & ~1;
    this.#carried = whole.slice(even);
    return bytesToSamples(whole.subarray(0, even));
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
