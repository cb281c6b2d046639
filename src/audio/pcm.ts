/** Mono linear PCM as typed arrays: bytes, int16 and float32, lengths in milliseconds, and levels. */

import { EventLoopYield } from '../core/event-loop-yield.ts';

/** The supported sample rates of audio from clients, files and engines, in hertz. */
export const lowestSampleRateHz = 8000;
export const highestSampleRateHz = 384_000;

export function isSampleRate(rateHz: number): boolean {
  return Number.isInteger(rateHz) && rateHz >= lowestSampleRateHz && rateHz <= highestSampleRateHz;
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Converts little-endian 16-bit PCM, at any alignment, to a new array of samples.
 * @throws {RangeError} when the number of bytes is odd: carry the last byte over to the next piece.
 */
export function bytesToSamples(bytes: Uint8Array): Int16Array {
  if (bytes.byteLength % 2 !== 0) {
    throw new RangeError(`16-bit PCM takes an even number of bytes, got ${bytes.byteLength}`);
  }
  const samples = new Int16Array(bytes.byteLength / 2);
  new Uint8Array(samples.buffer).set(bytes);
  if (!HOST_IS_LITTLE_ENDIAN) swapBytes(samples);
  return samples;
}

/**
 * As `bytesToSamples`, but reuses the memory of the bytes if possible; the caller must not use them afterwards.
 * @throws {RangeError} when the number of bytes is odd.
 */
export function bytesAsSamples(bytes: Uint8Array): Int16Array {
  const fits = HOST_IS_LITTLE_ENDIAN && bytes.byteOffset % 2 === 0 && bytes.byteLength % 2 === 0;
  return fits ? new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2) : bytesToSamples(bytes);
}

/** Converts samples to a new array of little-endian 16-bit PCM. */
export function samplesToBytes(samples: Int16Array): Uint8Array<ArrayBuffer> {
  const copy = samples.slice();
  if (!HOST_IS_LITTLE_ENDIAN) swapBytes(copy);
  return new Uint8Array(copy.buffer);
}

function swapBytes(samples: Int16Array): void {
  for (let i = 0; i < samples.length; i++) {
    const value = samples[i] ?? 0;
    samples[i] = (value << 8) | ((value >> 8) & 0xff);
  }
}

/** Int16 to float32 in −1…1 (1/32768 per step). */
export function toFloat32(samples: Int16Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) out[i] = (samples[i] ?? 0) / 32768;
  return out;
}

/** The duration of `sampleCount` samples in milliseconds, not rounded. */
export function durationMs(sampleCount: number, sampleRateHz: number): number {
  return (sampleCount * 1000) / sampleRateHz;
}

/** The number of samples in `ms` milliseconds, rounded to the nearest. */
export function samplesIn(ms: number, sampleRateHz: number): number {
  return Math.round((ms * sampleRateHz) / 1000);
}

/** −50 dBFS: quieter samples are not audible as speech. */
const audibleLevel = 32_768 * 10 ** (-50 / 20);

/** The duration before the first audible sample, in milliseconds; undefined if there is none. */
export function silenceBeforeMs(samples: Int16Array, sampleRateHz: number): number | undefined {
  const first = samples.findIndex((sample) => Math.abs(sample) > audibleLevel);
  return first < 0 ? undefined : durationMs(first, sampleRateHz);
}

/** Samples that `concatInTurns` copies per turn of the event loop: about a millisecond. */
const samplesPerTurn = 512 * 1024;

/** Concatenates all parts. */
export function concatSamples(parts: readonly Int16Array[]): Int16Array<ArrayBuffer> {
  const out = new Int16Array(totalLength(parts));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** As `concatSamples`, over several turns of the event loop for long parts. */
export async function concatInTurns(parts: readonly Int16Array[]): Promise<Int16Array<ArrayBuffer>> {
  const out = new Int16Array(totalLength(parts));
  const loop = new EventLoopYield(samplesPerTurn);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
    await loop.step(part.length);
  }
  return out;
}

function totalLength(parts: readonly Int16Array[]): number {
  return parts.reduce((length, part) => length + part.length, 0);
}

/** Root mean square level in dBFS (0 is a full-scale square wave); −Infinity for digital silence or no samples. */
export function rmsDbfs(samples: Int16Array): number {
  let sum = 0;
  // Three times as fast as an iterator.
  for (let i = 0; i < samples.length; i++) sum += (samples[i] ?? 0) ** 2;
  return samples.length === 0 ? -Infinity : 10 * Math.log10(sum / samples.length / 32768 ** 2);
}

/** Peak level in dBFS; −Infinity for digital silence or no samples. */
export function peakDbfs(samples: Int16Array): number {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return 20 * Math.log10(peak / 32768);
}
