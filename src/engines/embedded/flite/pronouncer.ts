import type { FliteProgram } from './flite-program.ts';
import type { SpokenToken } from './spoken-text.ts';
import { guessedPronunciation, parsePronunciations } from './word-alignment.ts';

/** Number of words whose phones are cached. */
const CACHE_LIMIT = 4096;

/** Determines how Flite pronounces isolated words. */
export class Pronouncer {
  readonly #program: FliteProgram;
  readonly #known = new Map<string, string[]>();

  constructor(program: FliteProgram) {
    this.#program = program;
  }

  /** The phones of each token; guessed from its letters if Flite does not make exactly one phrase of it. */
  phonesOf(tokens: readonly SpokenToken[]): string[][] {
    const words = tokens.map(({ spoken }) => stripMarks(spoken));
    const unknown = [...new Set(words)].filter((word) => !this.#known.has(word));
    if (unknown.length > 0) this.#remember(unknown);
    return words.map((word) => this.#known.get(word) ?? guessedPronunciation(word));
  }

  #remember(words: readonly string[]): void {
    // kal16 is by far the fastest voice, and all voices use the same pronunciations. The commas separate the words.
    const { printed } = this.#program.run(words.join(', '), ['-voice', 'kal16', '-ps']);
    const phones = parsePronunciations(printed);
    if (phones.length !== words.length) return;
    words.forEach((word, index) => {
      this.#known.set(word, phones[index] ?? guessedPronunciation(word));
    });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= CACHE_LIMIT) break;
      this.#known.delete(oldest);
    }
  }
}

/** Removes punctuation that would create additional phrases. */
function stripMarks(spoken: string): string {
  return spoken
    .replace(/[^a-z0-9'$%.:-]+/gi, ' ')
    .replace(/^[^a-z0-9$]+|[^a-z0-9%]+$/gi, '')
    .toLowerCase();
}
