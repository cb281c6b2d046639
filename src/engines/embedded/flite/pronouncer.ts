import type { FliteProgram } from './flite-program.ts';
import type { SpokenToken } from './spoken-text.ts';
import { guessedPronunciation, parsePronunciations } from './word-alignment.ts';

/** Words whose phones are remembered. */
const CACHE_LIMIT = 4096;

/** Tells how Flite pronounces words alone. */
export class Pronouncer {
  readonly #program: FliteProgram;
  readonly #known = new Map<string, string[]>();

  constructor(program: FliteProgram) {
    this.#program = program;
  }

  /** The phones of each token; guessed from its letters where Flite makes more or less than one phrase of it. */
  phonesOf(tokens: readonly SpokenToken[]): string[][] {
    const words = tokens.map(({ spoken }) => stripMarks(spoken));
    const unknown = [...new Set(words)].filter((word) => !this.#known.has(word));
    if (unknown.length > 0) this.#remember(unknown);
    return words.map((word) => this.#known.get(word) ?? guessedPronunciation(word));
  }

  #remember(words: readonly string[]): void {
    // kal16 is by far the fastest voice, and the words are the same in all of them. The commas part the words.
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

/** Without the punctuation that would make phrases of its own. */
function stripMarks(spoken: string): string {
  return spoken
    .replace(/[^a-z0-9'$%.:-]+/gi, ' ')
    .replace(/^[^a-z0-9$]+|[^a-z0-9%]+$/gi, '')
    .toLowerCase();
}
