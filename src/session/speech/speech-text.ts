import { cutPlace } from '../../core/unicode.ts';
import { MappedText } from './mapped-text.ts';
import { MarkdownReader, type ReadPiece } from './markdown-reader.ts';
import { plainText } from './plain-text.ts';
import { textBounds } from './text-bounds.ts';

/** A part of an answer that a voice speaks as a unit. */
export interface SpeechClause {
  /** As the model wrote it. */
  text: string;
  /** The text for the voice, with ranges in `text`; blank if there is nothing to speak. */
  spoken: MappedText;
}

export interface SpeechTextOptions {
  /** false: the voice prepares text itself, and gets the model's text unchanged. */
  prepare: boolean;
}

/**
 * Prepares a text for a voice while it is being generated: splits it into clauses, so that speech can start before the
 * sentence is complete, and removes what is not spoken. The concatenated clauses are the text, including white space.
 */
export class SpeechText {
  readonly #prepare: boolean;
  readonly #reader = new MarkdownReader();
  #raw = '';
  /** The offset of `#raw` in the whole text. */
  #at = 0;
  #shown = MappedText.of('');

  constructor({ prepare }: SpeechTextOptions) {
    this.#prepare = prepare;
  }

  /** Takes the next text and returns the clauses that it completes. */
  push(text: string): SpeechClause[] {
    return this.#add(this.#prepare ? this.#reader.push(text) : this.#asItIs(text));
  }

  /** The rest, at the end of the text. */
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
    // Text without spoken parts need not wait for words.
    const lineEnds = this.#raw.length > textBounds.silent || (this.#raw.endsWith('\n') && this.#raw.trim() !== '');
    if (this.#shown.text.trim() === '' && lineEnds) {
      clauses.push(this.#cut(this.#shown.text.length, this.#raw.length));
    }
    return clauses;
  }

  /** The end of the raw text of the visible text before `end`, including closing marks. */
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

/** Prepares a whole text for a voice that is used without a conversation. */
export function preparedText(text: string): MappedText {
  const reader = new MarkdownReader();
  const pieces = [...reader.push(text.toWellFormed()), ...reader.flush()];
  return plainText(MappedText.join(pieces.map(({ shown }) => shown)));
}

/** A shorter clause is spoken with the next one, because very short utterances sound clipped. */
const minClauseCharacters = 12;

const sentenceEnd = /[.!?…]+["')\]”’»]*(?=\s)|[。！？]|\n/g;
const pause = /[,;:–—](?=\s)|[，、；：]/g;

/** Abbreviations after which a full stop does not end a sentence, or does so only if no name follows. */
const abbreviation =
  /(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|No|Nos|approx|ca|cf|Fig|Eq|Gen|Gov|Sen|Rep|Sgt|Capt|Lt|Col|Rev|Hon|Mt|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|U\.S|z\.B|bzw|[A-Z]|[\d.,]*\d[ -]?(?:in|ft|yd|mi|lbs?|oz|gal|tsp|tbsp|hrs?|mins?|secs?))\.$/;

/** The end of the first complete clause, or 0 if there is none. Needs the character after a mark: "3.5" is one word. */
function clauseEnd(pending: string): number {
  // Longer text need not be examined, because a longer clause is split.
  const text = pending.slice(0, textBounds.clause + 1);
  for (const mark of text.matchAll(sentenceEnd)) {
    const end = mark.index + mark[0].length;
    if (!abbreviation.test(text.slice(0, end)) && isSpeakable(text.slice(0, end))) return end;
  }
  for (const mark of text.matchAll(pause)) {
    const end = mark.index + mark[0].length;
    if (end >= minClauseCharacters) return end;
  }
  if (text.length <= textBounds.clause) return 0;
  const space = text.lastIndexOf(' ', textBounds.clause);
  return space > 0 ? space : cutPlace(pending, textBounds.clause);
}

/** Whether text is speakable: contains a letter or a digit of any script. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}
