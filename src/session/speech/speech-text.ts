import { cutPlace } from '../../core/unicode.ts';
import { MappedText } from './mapped-text.ts';
import { MarkdownReader, type ReadPiece } from './markdown-reader.ts';
import { plainText } from './plain-text.ts';

/** A part of an answer that a voice says in one go. */
export interface SpeechClause {
  /** As the model wrote it. */
  text: string;
  /** As the voice is to say it, with places in `text`; blank where there is nothing to say. */
  spoken: MappedText;
}

export interface SpeechTextOptions {
  /** false: the voice prepares text itself, and gets the model's own. */
  prepare: boolean;
}

/**
 * Prepares a text for a voice while it is being written: cuts it into clauses, so that speech can begin before the sentence
 * is whole, and leaves out what is not said. Concatenated, the clauses' texts are the text, white space included.
 */
export class SpeechText {
  readonly #prepare: boolean;
  readonly #reader = new MarkdownReader();
  #raw = '';
  /** Where `#raw` begins in the whole text. */
  #at = 0;
  #shown = MappedText.of('');

  constructor({ prepare }: SpeechTextOptions) {
    this.#prepare = prepare;
  }

  /** Takes the next text and returns the clauses that it completed. */
  push(text: string): SpeechClause[] {
    return this.#add(this.#prepare ? this.#reader.push(text) : this.#asItIs(text));
  }

  /** The rest, once the text has ended. */
  flush(): SpeechClause[] {
    const clauses = this.#prepare ? this.#add(this.#reader.flush()) : [];
    if (this.#raw !== '') clauses.push(this.#cut(this.#shown.text.length, this.#raw.length));
    return clauses;
  }

  #asItIs(text: string): ReadPiece[] {
    return [{ raw: text, shown: MappedText.of(text, this.#at + this.#raw.length) }];
  }

  #add(pieces: readonly ReadPiece[]): SpeechClause[] {
    this.#raw += pieces.map(({ raw }) => raw).join('');
    this.#shown = MappedText.join([this.#shown, ...pieces.map(({ shown }) => shown)]);
    const clauses: SpeechClause[] = [];
    for (;;) {
      const end = clauseEnd(this.#shown.text);
      if (end === 0) break;
      clauses.push(this.#cut(end, this.#rawEnd(end)));
    }
    // Text of which nothing is said need not wait for words.
    const lineEnds = this.#raw.length > longestSilent || (this.#raw.endsWith('\n') && this.#raw.trim() !== '');
    if (this.#shown.text.trim() === '' && lineEnds) {
      clauses.push(this.#cut(this.#shown.text.length, this.#raw.length));
    }
    return clauses;
  }

  /** Where the raw text of what is shown up to `end` ends: behind marks that close something. */
  #rawEnd(end: number): number {
    const last = this.#shown.place(end - 1, end).endChar - this.#at;
    if (this.#shown.text.charAt(end - 1) === '\n') return last;
    const next =
      end < this.#shown.text.length ? this.#shown.place(end, end + 1).startChar - this.#at : this.#raw.length;
    const space = /\s/g;
    space.lastIndex = last;
    return Math.max(last, Math.min(next, space.exec(this.#raw)?.index ?? next));
  }

  #cut(shownEnd: number, rawEnd: number): SpeechClause {
    const shown = this.#shown.slice(0, shownEnd).from(this.#at);
    const text = this.#raw.slice(0, rawEnd);
    this.#shown = this.#shown.slice(shownEnd);
    this.#raw = this.#raw.slice(rawEnd);
    this.#at += rawEnd;
    return { text, spoken: this.#prepare ? plainText(shown) : shown };
  }
}

/** A whole text, prepared: for a voice that is asked without a conversation. */
export function preparedText(text: string): MappedText {
  const reader = new MarkdownReader();
  const pieces = [...reader.push(text.toWellFormed()), ...reader.flush()];
  return plainText(MappedText.join(pieces.map(({ shown }) => shown)));
}

/** A clause shorter than this is spoken with the next one: very short utterances sound clipped. */
const minClauseCharacters = 12;
/** A run of words without any punctuation is cut here at the latest, so that the voice never waits long. */
const maxClauseCharacters = 160;

/** Text of which nothing is said, such as a long address, goes into the transcript at the latest in pieces of this size. */
const longestSilent = 1024;

const sentenceEnd = /[.!?…]+["')\]”’»]*(?=\s)|[。！？]|\n/g;
const pause = /[,;:–—](?=\s)|[，、；：]/g;

/** Abbreviations after which a full stop ends nothing, or only where no name follows. */
const abbreviation =
  /(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|No|Nos|approx|ca|cf|Fig|Eq|Gen|Gov|Sen|Rep|Sgt|Capt|Lt|Col|Rev|Hon|Mt|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|U\.S|z\.B|bzw|[A-Z])\.$/;

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
  return space > 0 ? space : cutPlace(pending, maxClauseCharacters);
}

/** Whether text holds anything to say: a letter or a digit of any script. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}
