/** Reads speech as it arrives: WAV (RIFF, 16-bit PCM of any rate), of which the header tells the rate, or bare 16-bit PCM. */

import { bytesToSamples } from '../../audio/pcm.ts';
import { readWav, WavError } from '../../audio/wav.ts';
import { excerpt, RequestFailure } from './request-failure.ts';

/** Of a WAV header, which may hold chunks of metadata before the sound. */
const maxHeaderBytes = 256 * 1024;
const lowestHz = 4000;
const highestHz = 192_000;

/** How other kinds of audio begin, as Latin-1. */
const otherKinds: readonly (readonly [string, string])[] = [
  ['MP3', 'ID3'],
  ['Ogg', 'OggS'],
  ['FLAC', 'fLaC'],
  ['WebM', '\x1aE\xdf\xa3'],
];
/** The first frame of an MP3 file without tags. It may also be two samples of PCM, so it counts only where the type says so too. */
const mp3Frame = /^\xff[\xf2\xf3\xfa\xfb]/;

export class SoundReader {
  sampleRateHz: number;
  #pending: Uint8Array = new Uint8Array(0);
  /** Behind it, of a file that is read when it is whole. */
  readonly #rest: Uint8Array[] = [];
  #state: 'start' | 'wav' | 'sound' | 'whole' = 'start';
  /** Bytes of sound that the header promises. */
  #left = Number.POSITIVE_INFINITY;

  readonly #type: string;

  /** `sampleRateHz` is that of bare PCM; `type` the media type that the server gives. */
  constructor(sampleRateHz: number, type = '') {
    this.sampleRateHz = sampleRateHz;
    this.#type = type;
  }

  /**
   * Takes the next bytes and returns the samples that they complete. `sampleRateHz` holds from the first sample on.
   * @throws {RequestFailure} for what is no such audio
   */
  push(bytes: Uint8Array): Int16Array {
    if (this.#state === 'whole') {
      this.#rest.push(bytes);
      return new Int16Array(0);
    }
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    if (this.#state === 'start' && this.#pending.length >= 12) this.#begin();
    if (this.#state === 'wav') this.#readHeader();
    return this.#state === 'sound' ? this.#take() : new Int16Array(0);
  }

  /** The rest, once everything has come. */
  flush(): Int16Array {
    if (this.#state === 'start' && this.#pending.length > 0) this.#begin();
    if (this.#state === 'sound') return this.#take();
    if (this.#pending.length === 0) return new Int16Array(0);
    // A kind of WAV that does not stream, such as 32-bit float.
    try {
      const { samples, sampleRateHz } = readWav(Buffer.concat([this.#pending, ...this.#rest]));
      this.sampleRateHz = checkedRate(sampleRateHz);
      return samples;
    } catch (error) {
      if (error instanceof WavError)
        throw new RequestFailure(`it sent a WAV file that cannot be read: ${error.message}`);
      throw error;
    }
  }

  #begin(): void {
    const head = Buffer.from(this.#pending.subarray(0, 12)).toString('latin1');
    if (head.startsWith('RIFF')) {
      this.#state = 'wav';
      return;
    }
    const [kind] = otherKinds.find(([, beginning]) => head.startsWith(beginning)) ?? [];
    const other = kind ?? (/mpeg|mp3/.test(this.#type) && mp3Frame.test(head) ? 'MP3' : undefined);
    if (other !== undefined) {
      throw new RequestFailure(`it sent ${other}: a voice has to send WAV or PCM. Set its format to wav`);
    }
    // No sound begins with so many printable characters.
    if (/^[\s\x20-\x7e]{12}$/.test(head) || /json|text/.test(this.#type)) {
      const text = new TextDecoder().decode(this.#pending.subarray(0, 1000));
      throw new RequestFailure(`it sent text instead of sound: "${excerpt(text)}"`);
    }
    this.#state = 'sound';
  }

  /** Finds the sound of a 16-bit mono file; other kinds are read when they are whole. */
  #readHeader(): void {
    const bytes = this.#pending;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let plain = false;
    for (let at = 12; at + 8 <= bytes.length; ) {
      const id = Buffer.from(bytes.subarray(at, at + 4)).toString('latin1');
      const size = view.getUint32(at + 4, true);
      const start = at + 8;
      if (id === 'fmt ') {
        if (start + 16 > bytes.length) return;
        const [tag, channels, bits] = [
          view.getUint16(start, true),
          view.getUint16(start + 2, true),
          view.getUint16(start + 14, true),
        ];
        plain = tag === 1 && channels === 1 && bits === 16;
        this.sampleRateHz = checkedRate(view.getUint32(start + 4, true));
      } else if (id === 'data') {
        this.#state = plain ? 'sound' : 'whole';
        if (!plain) return;
        // Of a stream the length is not known: 0, or all bits set.
        this.#left = size === 0 || size >= 0x7fffff00 ? Number.POSITIVE_INFINITY : size;
        this.#pending = bytes.subarray(start);
        return;
      }
      at = start + size + (size % 2);
    }
    if (bytes.length > maxHeaderBytes) throw new RequestFailure('it sent a WAV file whose sound does not begin');
  }

  #take(): Int16Array {
    const length = Math.min(this.#pending.length, this.#left);
    const whole = length - (length % 2);
    const samples = bytesToSamples(this.#pending.subarray(0, whole));
    // Behind the sound there may be metadata.
    this.#left -= whole;
    this.#pending = this.#left <= 0 ? new Uint8Array(0) : this.#pending.subarray(whole);
    return samples;
  }
}

function checkedRate(rateHz: number): number {
  if (rateHz >= lowestHz && rateHz <= highestHz) return rateHz;
  throw new RequestFailure(`it sent audio of ${rateHz} Hz: between ${lowestHz} and ${highestHz} are understood`);
}
