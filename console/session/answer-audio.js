/** The audio of answers that has been received and not yet played. */

import { setBounded } from '../bounded.js';

/** Answers whose audio is kept; what an interruption leaves is dropped with a later one. */
const maxAnswers = 4;

/** @typedef {{ pieces: Int16Array[], takenSamples: number }} Answer */

export class AnswerAudio {
  /** @type {Map<string, Answer>} */
  #answers = new Map();

  /**
   * @param {string} itemId
   * @param {number} contentIndex
   * @param {Int16Array} samples
   */
  add(itemId, contentIndex, samples) {
    const key = `${itemId} ${contentIndex}`;
    const answer = this.#answers.get(key) ?? { pieces: [], takenSamples: 0 };
    answer.pieces.push(samples);
    setBounded(this.#answers, key, answer, maxAnswers);
  }

  /**
   * Removes the samples up to a position.
   * @param {string} itemId
   * @param {number} contentIndex
   * @param {number} untilSample
   * @returns {Int16Array} those that were not taken before
   */
  take(itemId, contentIndex, untilSample) {
    const answer = this.#answers.get(`${itemId} ${contentIndex}`);
    if (answer === undefined) return new Int16Array();
    const taken = [];
    let wanted = untilSample - answer.takenSamples;
    while (wanted > 0) {
      const piece = answer.pieces[0];
      if (piece === undefined) break;
      taken.push(piece.subarray(0, wanted));
      if (piece.length > wanted) answer.pieces[0] = piece.subarray(wanted);
      else answer.pieces.shift();
      const count = Math.min(piece.length, wanted);
      wanted -= count;
      answer.takenSamples += count;
    }
    return concat(taken);
  }
}

/** @param {Int16Array[]} pieces */
function concat(pieces) {
  const all = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
