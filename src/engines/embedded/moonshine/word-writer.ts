/**
 * Converts the growing text of one window to words that are safe to output. A model can get stuck in a loop and repeat
 * the same words: words that may be the start of a loop are held back until that is decided.
 */

/** Maximum number of words in a repeated phrase. */
const LONGEST_PHRASE = 8;
/** A word or phrase repeated this often is a loop: people rarely say "no" six times. */
const WORD_LOOP = 6;
const PHRASE_LOOP = 4;

interface Repetition {
  phrase: number;
  times: number;
}

export class WordWriter {
  #words: string[] = [];
  #written = 0;

  /** Takes the window's whole text so far, whose last word may be incomplete; returns the words to output now. */
  next(text: string): string[] {
    this.#words = splitWords(text);
    const complete = this.#words.slice(0, -1);
    const repetition = repetitionAtEnd(complete);
    const held = repetition.times > 1 ? repetition.phrase * repetition.times : 1;
    return this.#writeUpTo(complete.length - held);
  }

  /** Whether the words passed to `next()` have run into a loop. */
  get loops(): boolean {
    const { phrase, times } = repetitionAtEnd(this.#words.slice(0, -1));
    return times >= (phrase === 1 ? WORD_LOOP : PHRASE_LOOP);
  }

  /** Whether there was no output yet, so that the window can be retried. */
  get isEmpty(): boolean {
    return this.#written === 0;
  }

  /** The last words. The phrase of a loop is output once. */
  end(text: string): string[] {
    const looped = this.loops;
    this.#words = splitWords(text);
    if (!looped) return this.#writeUpTo(this.#words.length);
    this.#words.pop();
    const { phrase, times } = repetitionAtEnd(this.#words);
    return this.#writeUpTo(this.#words.length - phrase * (times - 1));
  }

  #writeUpTo(end: number): string[] {
    const words = this.#words.slice(this.#written, Math.max(this.#written, end));
    this.#written += words.length;
    return words;
  }
}

export function splitWords(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** The phrase at the end of the words and its number of repetitions: the repetition that covers most words. */
function repetitionAtEnd(words: readonly string[]): Repetition {
  const plain = words.map((word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ''));
  let best: Repetition = { phrase: 1, times: 1 };
  for (let phrase = 1; phrase <= LONGEST_PHRASE; phrase++) {
    let same = 0;
    while (plain[plain.length - 1 - same] === plain[plain.length - 1 - same - phrase] && same + phrase < plain.length) {
      same += 1;
    }
    const times = 1 + Math.floor(same / phrase);
    if (times > 1 && phrase * times > best.phrase * best.times) best = { phrase, times };
  }
  return best;
}
