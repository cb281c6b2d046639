/**
 * Cuts text into clauses as it streams, so that speech can begin before the sentence is whole. Concatenated, the
 * clauses are the text, white space included.
 */
export class ClauseSplitter {
  #pending = '';

  /** Takes the next text and returns the clauses that it completed. */
  push(text: string): string[] {
    this.#pending += text;
    const clauses: string[] = [];
    for (let end = clauseEnd(this.#pending); end > 0; end = clauseEnd(this.#pending)) {
      clauses.push(this.#pending.slice(0, end));
      this.#pending = this.#pending.slice(end);
    }
    return clauses;
  }

  /** The rest, once the text has ended. */
  flush(): string {
    const rest = this.#pending;
    this.#pending = '';
    return rest;
  }
}

/** A clause shorter than this is spoken with the next one: very short utterances sound clipped. */
const minClauseCharacters = 12;
/** A run of words without any punctuation is cut here at the latest, so that the voice never waits long. */
const maxClauseCharacters = 160;

const sentenceEnd = /[.!?…]+["')\]”’»]*(?=\s)|[。！？]|\n/g;
const pause = /[,;:–—](?=\s)|[，、；：]/g;

/** Abbreviations after which a full stop ends nothing. */
const abbreviation = /(?:^|\s)(?:Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|No)\.$/;

/** Where the first whole clause ends, or 0 while none is. Needs the character after a mark: "3.5" is one word. */
function clauseEnd(pending: string): number {
  // All that comes into question, however much has come at once: a longer clause is cut.
  const text = pending.slice(0, maxClauseCharacters + 1);
  for (const mark of text.matchAll(sentenceEnd)) {
    const end = mark.index + mark[0].length;
    if (!abbreviation.test(text.slice(0, end)) && isSpeakable(text.slice(0, end))) return end;
  }
  for (const mark of text.matchAll(pause)) {
    const end = mark.index + mark[0].length;
    if (end >= minClauseCharacters) return end;
  }
  if (text.length <= maxClauseCharacters) return 0;
  const space = text.lastIndexOf(' ', maxClauseCharacters);
  return space > 0 ? space : maxClauseCharacters;
}

/** Whether text holds anything to say: a letter or a digit of any script. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}
