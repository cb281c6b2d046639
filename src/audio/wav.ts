/**
 * RIFF/WAVE files (Microsoft "Multimedia Programming Interface and Data Specifications 1.0" and
 * "Multiple Channel Audio Data and WAVE Files"): PCM, IEEE float, µ-law and A-law in, 16-bit PCM out.
 */

import { concatSamples, samplesToBytes } from './pcm.ts';
import { FORMAT_PCM, WavReader } from './wav-reader.ts';

export { WavError } from './wav-reader.ts';

const HEADER_BYTES = 44;
const UNKNOWN_LENGTH = 0xffffffff;

/**
 * Reads a whole WAVE file as mono 16-bit PCM at its own rate. It blocks the event loop in proportion to the size: use a
 * `WavReader` for untrusted files, and read in pieces.
 * @throws {WavError} with the finding and the supported kinds
 */
export function readWav(bytes: Uint8Array): { samples: Int16Array; sampleRateHz: number } {
  const reader = new WavReader();
  const samples = concatSamples([reader.push(bytes), reader.end()]);
  return { samples, sampleRateHz: reader.sampleRateHz ?? 0 };
}

/** A WAVE file with 16-bit PCM, mono. */
export function writeWav(clip: {
  readonly samples: Int16Array;
  readonly sampleRateHz: number;
}): Uint8Array<ArrayBuffer> {
  const data = samplesToBytes(clip.samples);
  const file = new Uint8Array(HEADER_BYTES + data.length);
  file.set(wavHeader(clip.sampleRateHz, data.length));
  file.set(data, HEADER_BYTES);
  return file;
}

/** The header of mono 16-bit PCM in a WAVE file. A stream of unknown length has the length 0xFFFFFFFF. */
export function wavHeader(sampleRateHz: number, dataBytes = UNKNOWN_LENGTH): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  setTag(header, 0, 'RIFF');
  view.setUint32(4, dataBytes === UNKNOWN_LENGTH ? UNKNOWN_LENGTH : HEADER_BYTES - 8 + dataBytes, true);
  setTag(header, 8, 'WAVE');
  setTag(header, 12, 'fmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, FORMAT_PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  setTag(header, 36, 'data');
  view.setUint32(40, dataBytes, true);
  return header;
}

function setTag(bytes: Uint8Array, at: number, tag: string): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = tag.charCodeAt(i);
}
