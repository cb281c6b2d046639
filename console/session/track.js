/** One side's audio on the time axis: pieces of mono PCM at 24 kHz, and their peaks for drawing. */

import { sampleRateHz, toMs } from '../audio/pcm.js';

/** @typedef {{ startMs: number, samples: Int16Array }} Piece */

/** The resolution of the peaks. */
export const peakMs = 5;
const samplesPerPeak = (sampleRateHz * peakMs) / 1000;
/** Maximum audio of a track, half an hour: 86 MB. The oldest samples are dropped; their peaks remain. */
const maxSamples = 30 * 60 * sampleRateHz;

export class Track {
  /** In order of time, without overlap. @type {Piece[]} */
  #pieces = [];
  #sampleCount = 0;
  /** The loudest sample of each `peakMs`, 0…255. */
  #peaks = new Uint8Array(1024);
  #endMs = 0;

  get startMs() {
    return this.#pieces[0]?.startMs ?? Number.POSITIVE_INFINITY;
  }

  get endMs() {
    return this.#endMs;
  }

  get isEmpty() {
    return this.#pieces.length === 0;
  }

  /**
   * Adds a piece, at the end of the track if it would overlap with it.
   * @param {number} startMs
   * @param {Int16Array} samples kept without a copy
   * @returns {number} where the piece starts
   */
  add(startMs, samples) {
    const atMs = Math.max(startMs, this.#endMs);
    this.#pieces.push({ startMs: atMs, samples });
    this.#sampleCount += samples.length;
    this.#endMs = atMs + toMs(samples.length);
    this.#addPeaks(atMs, samples);
    while (this.#sampleCount > maxSamples) {
      const oldest = this.#pieces.shift();
      if (oldest === undefined) break;
      this.#sampleCount -= oldest.samples.length;
    }
    return atMs;
  }

  /**
   * @param {number} fromMs
   * @param {number} toMs_
   * @returns {number} the loudest sample of the time, 0…1
   */
  peak(fromMs, toMs_) {
    const last = Math.min(Math.max(fromMs, toMs_ - peakMs), this.#endMs) / peakMs;
    let loudest = 0;
    for (let i = Math.max(0, Math.floor(fromMs / peakMs)); i <= last; i++) {
      const peak = this.#peaks[i] ?? 0;
      if (peak > loudest) loudest = peak;
    }
    return loudest / 255;
  }

  /**
   * The samples of a stretch, with silence where there are none.
   * @param {number} fromMs
   * @param {number} untilMs
   * @returns {Int16Array<ArrayBuffer>}
   */
  samples(fromMs, untilMs) {
    const stretch = new Int16Array(Math.max(0, toSamples(untilMs - fromMs)));
    for (const { startMs, samples } of this.#pieces) {
      const at = toSamples(startMs - fromMs);
      if (at >= stretch.length) break;
      if (at + samples.length <= 0) continue;
      stretch.set(samples.subarray(Math.max(0, -at), stretch.length - at), Math.max(0, at));
    }
    return stretch;
  }

  /**
   * @param {number} startMs
   * @param {Int16Array} samples
   */
  #addPeaks(startMs, samples) {
    let bin = Math.floor(startMs / peakMs);
    const needed = bin + Math.ceil(samples.length / samplesPerPeak) + 1;
    if (needed > this.#peaks.length) {
      const grown = new Uint8Array(Math.max(needed, this.#peaks.length * 2));
      grown.set(this.#peaks);
      this.#peaks = grown;
    }
    for (let from = 0; from < samples.length; from += samplesPerPeak, bin++) {
      let loudest = 0;
      for (let i = from; i < Math.min(from + samplesPerPeak, samples.length); i++) {
        loudest = Math.max(loudest, Math.abs(samples[i] ?? 0));
      }
      this.#peaks[bin] = Math.max(this.#peaks[bin] ?? 0, Math.min(255, Math.ceil(loudest / 128)));
    }
  }
}

/** @param {number} ms */
function toSamples(ms) {
  return Math.round((ms * sampleRateHz) / 1000);
}
