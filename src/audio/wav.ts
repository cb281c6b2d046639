/**
 * RIFF/WAVE files (Microsoft "Multimedia Programming Interface and Data Specifications 1.0" and
 * "Multiple Channel Audio Data and WAVE Files"): PCM, IEEE float, µ-law and A-law in, 16-bit PCM out.
 */

import { decodeAlaw, decodeMulaw } from './g711.ts';
import { samplesToBytes } from './pcm.ts';

const FORMAT_PCM = 1;
const FORMAT_FLOAT = 3;
const FORMAT_ALAW = 6;
const FORMAT_MULAW = 7;
const FORMAT_EXTENSIBLE = 0xfffe;
const HEADER_BYTES = 44;
const UNKNOWN_LENGTH = 0xffffffff;

interface Format {
  tag: number;
  channels: number;
  sampleRateHz: number;
  bits: number;
}

/** A file is not a WAVE file, or is of a kind that is not read here. */
export class WavError extends Error {
  override readonly name = 'WavError';
}

/**
 * Reads a WAVE file as mono 16-bit PCM at its own rate: the mean of its channels. Chunks other than `fmt ` and
 * `data` are skipped; a `data` chunk that is cut short, or of unknown length (0 or 0xFFFFFFFF, as streamed files have), goes to the end of the file.
 * @throws {WavError} saying what was found and what is read.
 */
export function readWav(bytes: Uint8Array): { samples: Int16Array; sampleRateHz: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || tagAt(bytes, 0) !== 'RIFF' || tagAt(bytes, 8) !== 'WAVE') {
    throw new WavError('Not a WAV file: it does not begin with RIFF…WAVE');
  }
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = tagAt(bytes, at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === 'fmt ') {
      format = readFormat(view, start, size);
    } else if (id === 'data') {
      if (format === undefined) throw new WavError('This WAV file has no "fmt " chunk before its "data" chunk');
      const streamed = size === 0 || size === 0xffffffff;
      const end = streamed ? bytes.length : Math.min(bytes.length, start + size);
      return { samples: decodeData(bytes.subarray(start, end), format), sampleRateHz: format.sampleRateHz };
    }
    at = start + size + (size % 2);
  }
  throw new WavError(`This WAV file has no ${format ? '"data"' : '"fmt "'} chunk`);
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

/** What stands before 16-bit PCM, mono, in a WAVE file. A stream, of which nobody knows the length yet, says 0xFFFFFFFF. */
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

function tagAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function setTag(bytes: Uint8Array, at: number, tag: string): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = tag.charCodeAt(i);
}

function readFormat(view: DataView, start: number, size: number): Format {
  if (size < 16 || start + size > view.byteLength) throw new WavError('The "fmt " chunk of this WAV file is cut short');
  const tag = view.getUint16(start, true);
  const format = {
    // An extensible format keeps its real tag in the first two bytes of its sub-format.
    tag: tag === FORMAT_EXTENSIBLE && size >= 26 ? view.getUint16(start + 24, true) : tag,
    channels: view.getUint16(start + 2, true),
    sampleRateHz: view.getUint32(start + 4, true),
    bits: view.getUint16(start + 14, true),
  };
  if (format.channels === 0) throw new WavError('This WAV file says that it has no channels');
  if (format.sampleRateHz === 0) throw new WavError('This WAV file says that its sample rate is 0 Hz');
  return format;
}

function decodeData(data: Uint8Array, format: Format): Int16Array {
  const bytesPerSample = format.bits / 8;
  const valueCount = Math.floor(data.length / bytesPerSample);
  const frameCount = Math.floor(valueCount / format.channels);
  const valueAt = valueReader(data, format);
  const samples = new Int16Array(frameCount);
  for (let frame = 0; frame < frameCount; frame++) {
    let sum = 0;
    for (let channel = 0; channel < format.channels; channel++) sum += valueAt(frame * format.channels + channel);
    samples[frame] = Math.max(-32768, Math.min(32767, Math.round(sum / format.channels)));
  }
  return samples;
}

/** Reads the value with a given index, on the scale of 16-bit PCM. */
function valueReader(data: Uint8Array, { tag, bits }: Format): (index: number) => number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (tag === FORMAT_PCM && bits === 16) return (index) => view.getInt16(index * 2, true);
  if (tag === FORMAT_PCM && bits === 8) return (index) => (view.getUint8(index) - 128) * 256;
  if (tag === FORMAT_PCM && bits === 24) {
    return (index) => view.getInt16(index * 3 + 1, true) + view.getUint8(index * 3) / 256;
  }
  if (tag === FORMAT_PCM && bits === 32) return (index) => view.getInt32(index * 4, true) / 65536;
  if (tag === FORMAT_FLOAT && bits === 32) return (index) => view.getFloat32(index * 4, true) * 32768;
  if ((tag === FORMAT_MULAW || tag === FORMAT_ALAW) && bits === 8) {
    const decoded = tag === FORMAT_MULAW ? decodeMulaw(data) : decodeAlaw(data);
    return (index) => decoded[index] ?? 0;
  }
  throw new WavError(
    `This WAV file has format ${tag} with ${bits} bits per sample; read are PCM (8, 16, 24 or 32 bits), 32-bit float, µ-law and A-law`,
  );
}
