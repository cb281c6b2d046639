import { splitWords } from './word-writer.ts';

/**
 * Words of repeated passes over growing audio that later passes are unlikely to change: those on which passes agree. The
 * last word of a pass does not count, since it may be cut off, and its punctuation depends on its being last.
 */
export class StableWords {
  readonly #agreementMs: number;
  /** The passes that must agree with the next one, oldest first. */
  #passes: { untilMs: number; words: readonly string[] }[] = [];
  #written = 0;

  /** `agreementMs`: the minimum audio between the first and the last of the passes that agree; there are at least two. */
  constructor(agreementMs: number) {
    this.#agreementMs = agreementMs;
  }

  /** Takes the text of a pass over the audio until `untilMs`; returns the words that are now stable. */
  next(text: string, untilMs: number): string[] {
    const words = splitWords(text).slice(0, -1);
    const first = this.#passes.findLastIndex((pass) => untilMs - pass.untilMs >= this.#agreementMs);
    const earlier = first < 0 ? [] : this.#passes.slice(first);
    this.#passes = [...(first < 0 ? this.#passes : earlier), { untilMs, words }];
    if (earlier.length === 0) return [];
    const agreed = Math.min(...earlier.map((pass) => countEqual(pass.words, words)));
    return this.#writeUpTo(words, agreed);
  }

  /** Takes the text of audio that is complete; the next pass is over other audio. */
  end(text: string): string[] {
    const words = splitWords(text);
    const rest = this.#writeUpTo(words, words.length);
    this.#passes = [];
    this.#written = 0;
    return rest;
  }

  /** Words that were written are not withdrawn if a pass rewrites them; the words behind them follow by their number. */
  #writeUpTo(words: readonly string[], end: number): string[] {
    const rest = words.slice(this.#written, Math.max(this.#written, end));
    this.#written += rest.length;
    return rest;
  }
}

/** The number of equal words at the start of both. */
function countEqual(a: readonly string[], b: readonly string[]): number {
  const different = a.findIndex((word, index) => word !== b[index]);
  return different < 0 ? a.length : different;
}
