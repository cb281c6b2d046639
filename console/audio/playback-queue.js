/** The queue of audio to play: pieces of items, in order. Runs in the audio thread. */

/** Ten minutes at 24 kHz, which is longer than any answer. */
const maxQueuedSamples = 14_400_000;
/** Interrupted audio fades out within 5 ms to avoid a click. */
const fadeSamples = 120;

/** @typedef {{ itemId: string, contentIndex: number, samples: Int16Array }} Piece */
/** @typedef {{ itemId: string, contentIndex: number, playedSamples: number }} Position */

export class PlaybackQueue {
  /** @type {Piece[]} */
  #pieces = [];
  /** Position in the first piece. */
  #offset = 0;
  #queuedSamples = 0;
  /** @type {Position | null} */
  #position = null;
  /** The fading rest of interrupted audio. */
  #tail = new Float32Array();

  /**
   * @param {Piece} piece
   * @returns {boolean} false when the queue is full, and the piece was dropped
   */
  push(piece) {
    if (this.#queuedSamples + piece.samples.length > maxQueuedSamples) return false;
    if (piece.samples.length > 0) this.#pieces.push(piece);
    this.#queuedSamples += piece.samples.length;
    return true;
  }

  get queuedSamples() {
    return this.#queuedSamples;
  }

  /** The last played item, and its position. */
  get position() {
    return this.#position;
  }

  /**
   * Fills `output` with the next samples, or with silence.
   * @param {Float32Array} output
   * @returns {number} samples of items that were played
   */
  pull(output) {
    output.fill(0);
    output.set(this.#tail.subarray(0, output.length));
    this.#tail = this.#tail.slice(output.length);
    let at = 0;
    while (at < output.length) {
      const piece = this.#pieces[0];
      if (piece === undefined) break;
      const count = Math.min(output.length - at, piece.samples.length - this.#offset);
      for (let i = 0; i < count; i++) output[at + i] = (piece.samples[this.#offset + i] ?? 0) / 32768;
      this.#advance(piece, count);
      at += count;
    }
    return at;
  }

  /** Drops all audio that has not been played. */
  flush() {
    const upcoming = new Float32Array(fadeSamples);
    const position = this.#position;
    this.pull(upcoming);
    this.#tail = upcoming.map((value, i) => value * (1 - i / fadeSamples));
    this.#position = position;
    this.#pieces = [];
    this.#offset = 0;
    this.#queuedSamples = 0;
  }

  /**
   * @param {Piece} piece
   * @param {number} count
   */
  #advance(piece, count) {
    const { itemId, contentIndex } = piece;
    const same = this.#position?.itemId === itemId && this.#position.contentIndex === contentIndex;
    const before = same ? (this.#position?.playedSamples ?? 0) : 0;
    this.#position = { itemId, contentIndex, playedSamples: before + count };
    this.#queuedSamples -= count;
    this.#offset += count;
    if (this.#offset === piece.samples.length) {
      this.#pieces.shift();
      this.#offset = 0;
    }
  }
}
