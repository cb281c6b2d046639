/** Two-channel WAV files (RIFF, 16-bit PCM at 24 kHz): the user on the left, the assistant on the right. */

import { sampleRateHz } from './pcm.js';

/** The file is no WAV that this page writes; the message says why. */
export class WavError extends Error {}

const headerBytes = 44;
const bytesPerFrame = 4;
/** The comment (chunk LIST/INFO, field ICMT) says where the audio begins on the time axis. */
const comment = /Starts at (\d+) ms/;
/** A week: the waveform of a track is stored from the start of the axis, 200 bytes for each second. */
const maxStartMs = 7 * 24 * 3_600_000;

/**
 * @param {Int16Array} left
 * @param {Int16Array} right as long as `left`
 * @param {number} startMs where they begin on the time axis
 * @returns {ArrayBuffer}
 */
export function writeStereo(left, right, startMs) {
  const text = `Starts at ${Math.round(startMs)} ms of the session`;
  const note = new TextEncoder().encode(text.padEnd(text.length + (text.length % 2), ' '));
  const dataBytes = left.length * bytesPerFrame;
  const file = new ArrayBuffer(headerBytes + dataBytes + 20 + note.length);
  const view = new DataView(file);
  let at = 0;
  const tag = (/** @type {string} */ name) => {
    for (const letter of name) view.setUint8(at++, letter.charCodeAt(0));
  };
  const number = (/** @type {number} */ value, /** @type {2 | 4} */ bytes) => {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  };
  tag('RIFF');
  number(file.byteLength - 8, 4);
  tag('WAVEfmt ');
  number(16, 4);
  number(1, 2);
  number(2, 2);
  number(sampleRateHz, 4);
  number(sampleRateHz * bytesPerFrame, 4);
  number(bytesPerFrame, 2);
  number(16, 2);
  tag('data');
  number(dataBytes, 4);
  const frames = new Int16Array(file, at, left.length * 2);
  for (let i = 0; i < left.length; i++) {
    frames[2 * i] = left[i] ?? 0;
    frames[2 * i + 1] = right[i] ?? 0;
  }
  at += dataBytes;
  tag('LIST');
  number(12 + note.length, 4);
  tag('INFOICMT');
  number(note.length, 4);
  new Uint8Array(file, at).set(note);
  return file;
}

/**
 * @param {ArrayBuffer} file
 * @returns {{ left: Int16Array, right: Int16Array, startMs: number }}
 * @throws {WavError}
 */
export function readStereo(file) {
  const view = new DataView(file);
  const tag = (/** @type {number} */ at) =>
    String.fromCharCode(...new Uint8Array(file, at, Math.min(4, file.byteLength - at)));
  if (file.byteLength < headerBytes || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') throw new WavError('It is no WAV file.');
  /** @type {Int16Array | null} */
  let frames = null;
  let startMs = 0;
  let isKnown = false;
  for (let at = 12; at + 8 <= file.byteLength; ) {
    const name = tag(at);
    const bytes = Math.min(view.getUint32(at + 4, true), file.byteLength - at - 8);
    const start = at + 8;
    if (name === 'fmt ' && bytes >= 16) {
      isKnown =
        view.getUint16(start, true) === 1 &&
        view.getUint16(start + 2, true) === 2 &&
        view.getUint32(start + 4, true) === sampleRateHz &&
        view.getUint16(start + 14, true) === 16;
    }
    if (name === 'data') frames = new Int16Array(file.slice(start, start + bytes - (bytes % bytesPerFrame)));
    if (name === 'LIST')
      startMs = Number(comment.exec(new TextDecoder().decode(new Uint8Array(file, start, bytes)))?.[1] ?? 0);
    at = start + bytes + (bytes % 2);
  }
  if (!isKnown || frames === null)
    throw new WavError('The audio of a session has two channels of 16-bit PCM at 24 kHz.');
  if (startMs > maxStartMs) throw new WavError('The audio starts more than a week after the session.');
  const all = frames;
  const channel = (/** @type {0 | 1} */ offset) =>
    Int16Array.from({ length: all.length / 2 }, (_, i) => all[2 * i + offset] ?? 0);
  return { left: channel(0), right: channel(1), startMs };
}
