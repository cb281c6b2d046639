/** Reads speech as it arrives: WAV, whose header has the rate, or raw 16-bit PCM. */

import {
  bytesToSamples,
  concatSamples,
  highestSampleRateHz,
  isSampleRate,
  lowestSampleRateHz,
} from '../../audio/pcm.ts';
import { WavError, WavReader } from '../../audio/wav-reader.ts';
import { excerpt, RequestFailure } from './request-failure.ts';

/** A WAV file may have chunks of metadata before its samples. */
const maxHeaderBytes = 256 * 1024;

/** Signatures of other audio formats, as Latin-1. */
const otherKinds: readonly (readonly [string, string])[] = [
  ['MP3', 'ID3'],
  ['Ogg', 'OggS'],
  ['FLAC', 'fLaC'],
  ['WebM', '\x1aE\xdf\xa3'],
];
/**
 * The first frame of an MP3 file without tags. It could also be two samples of PCM, so it counts only together with the
 * media type.
 */
const mp3Frame = /^\xff[\xf2\xf3\xfa\xfb]/;

export class SoundReader {
  readonly #pcmRateHz: number;
  readonly #type: string;
  #state: 'start' | 'wav' | 'pcm' = 'start';
  readonly #wav = new WavReader();
  /** Bytes of WAV before its samples. */
  #headerBytes = 0;
  #pending: Uint8Array = new Uint8Array(0);

  /**
   * `pcmRateHz` is the rate of raw PCM; `type` the media type from the server.
   * @throws {RequestFailure} when the rate is not supported
   */
  constructor(pcmRateHz: number, type = '') {
    this.#pcmRateHz = checkedRate(pcmRateHz);
    this.#type = type;
  }

  /** In hertz; valid once there are samples. */
  get sampleRateHz(): number {
    return this.#wav.sampleRateHz ?? this.#pcmRateHz;
  }

  /**
   * Takes the next bytes and returns the samples that they complete.
   * @throws {RequestFailure} when they are not audio of this format
   */
  push(bytes: Uint8Array): Int16Array {
    if (this.#state === 'wav') return this.#readWav(bytes);
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    if (this.#state === 'start' && this.#pending.length < 12) return new Int16Array(0);
    return this.#next();
  }

  /** Returns the remaining samples at the end. */
  flush(): Int16Array {
    const samples = this.#pending.length > 0 ? this.#next() : new Int16Array(0);
    return this.#state === 'wav' ? concatSamples([samples, readable(() => this.#wav.end())]) : samples;
  }

  #next(): Int16Array {
    if (this.#state === 'start') this.#begin();
    const bytes = this.#pending;
    const whole = bytes.length - (bytes.length % 2);
    this.#pending = bytes.subarray(whole);
    if (this.#state === 'pcm') return bytesToSamples(bytes.subarray(0, whole));
    this.#pending = new Uint8Array(0);
    return this.#readWav(bytes);
  }

  #readWav(bytes: Uint8Array): Int16Array {
    const samples = readable(() => this.#wav.push(bytes));
    if (!this.#wav.started) this.#headerBytes += bytes.length;
    if (this.#headerBytes > maxHeaderBytes) throw new RequestFailure('it sent a WAV file without samples');
    return samples;
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
    // Audio does not start with twelve printable characters.
    if (/^[\s\x20-\x7e]{12}$/.test(head) || /json|text/.test(this.#type)) {
      const text = new TextDecoder().decode(this.#pending.subarray(0, 1000));
      throw new RequestFailure(`it sent text instead of audio: "${excerpt(text)}"`);
    }
    this.#state = 'pcm';
  }
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WavError) {
      throw new RequestFailure(`it sent a WAV file that cannot be read: ${error.message}`);
    }
    throw error;
  }
}

function checkedRate(rateHz: number): number {
  if (isSampleRate(rateHz)) return rateHz;
  throw new RequestFailure(
    `it sent audio of ${rateHz} Hz: between ${lowestSampleRateHz} and ${highestSampleRateHz} are understood`,
  );
}
