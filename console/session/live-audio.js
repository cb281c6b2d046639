/** Places audio on the axis that arrives as it is recorded: in chunks, some of them late because the browser was busy. */

import { toMs } from '../audio/pcm.js';

/** Longer chunks are not recorded but sent at once, such as silence at the end of a turn: they start where they are sent. */
const maxChunkMs = 200;
/** A longer gap is a pause. */
const maxGapMs = 1000;
/** Smaller deviations are normal. */
const jitterMs = 100;
/** Chunks that stay late for this time are not late: samples before them are missing. */
const maxLateMs = 2000;

export class LiveAudio {
  #track;
  /** Since when all chunks have been late. @type {number | null} */
  #lateSinceMs = null;

  /** @param {import('./track.js').Track} track */
  constructor(track) {
    this.#track = track;
  }

  /**
   * @param {Int16Array} samples
   * @param {number} atMs when they arrived
   * @returns {number} where they start
   */
  add(samples, atMs) {
    const durationMs = toMs(samples.length);
    const startMs = durationMs > maxChunkMs ? atMs : atMs - durationMs;
    const gapMs = this.#track.isEmpty ? Number.POSITIVE_INFINITY : startMs - this.#track.endMs;
    if (gapMs < jitterMs) this.#lateSinceMs = null;
    else this.#lateSinceMs ??= atMs;
    const isLate = gapMs < maxGapMs && atMs - (this.#lateSinceMs ?? atMs) < maxLateMs;
    if (!isLate) this.#lateSinceMs = null;
    return this.#track.add(isLate ? this.#track.endMs : startMs, samples);
  }
}
