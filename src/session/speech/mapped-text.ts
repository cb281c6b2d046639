/** A range of a text in UTF-16 code units: from `startChar` to `endChar`, exclusive. */
export interface Place {
  startChar: number;
  endChar: number;
}

/** A text derived from another, with the range in the original for each of its code units. */
export class MappedText {
  readonly text: string;
  readonly #starts: readonly number[];
  readonly #ends: readonly number[];

  private constructor(text: string, starts: readonly number[], ends: readonly number[]) {
    this.text = text;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** The text itself, unchanged; `at`: its offset. */
  static of(text: string, at = 0): MappedText {
    const starts = Array.from({ length: text.length }, (_, index) => at + index);
    return new MappedText(
      text,
      starts,
      starts.map((start) => start + 1),
    );
  }

  /** A text that replaces a range. */
  static standing(text: string, { startChar, endChar }: Place): MappedText {
    const { length } = text;
    return new MappedText(text, new Array<number>(length).fill(startChar), new Array<number>(length).fill(endChar));
  }

  static join(parts: readonly MappedText[]): MappedText {
    const [only] = parts;
    if (only && parts.length === 1) return only;
    return new MappedText(
      parts.map(({ text }) => text).join(''),
      parts.flatMap((part) => part.#starts),
      parts.flatMap((part) => part.#ends),
    );
  }

  slice(start: number, end = this.text.length): MappedText {
    return new MappedText(this.text.slice(start, end), this.#starts.slice(start, end), this.#ends.slice(start, end));
  }

  /** The same text, with its ranges shifted by `at`. */
  from(at: number): MappedText {
    const shift = (place: number) => Math.max(0, place - at);
    return new MappedText(this.text, this.#starts.map(shift), this.#ends.map(shift));
  }

  /** The range of a part of the text, which has at least one code unit. */
  place(start: number, end: number): Place {
    const first = this.#starts[start] ?? this.#ends.at(-1) ?? 0;
    return { startChar: first, endChar: Math.max(first, this.#ends[end - 1] ?? first) };
  }

  /** Replaces each match of a global pattern; the replacement has the range of the whole match. */
  replace(pattern: RegExp, replacement: string | ((match: RegExpExecArray) => string)): MappedText {
    const parts: MappedText[] = [];
    let at = 0;
    for (const match of this.text.matchAll(pattern)) {
      const made = typeof replacement === 'string' ? replacement : replacement(match);
      if (made === match[0]) continue;
      const end = match.index + match[0].length;
      if (match.index > at) parts.push(this.slice(at, match.index));
      if (made !== '') {
        parts.push(
          end > match.index ? MappedText.standing(made, this.place(match.index, end)) : this.#between(made, end),
        );
      }
      at = end;
    }
    if (at === 0 && parts.length === 0) return this;
    parts.push(this.slice(at));
    return MappedText.join(parts);
  }

  /** Text that is inserted before a position, with an empty range. */
  #between(made: string, at: number): MappedText {
    const startChar = this.#ends[at - 1] ?? this.#starts[at] ?? 0;
    return MappedText.standing(made, { startChar, endChar: startChar });
  }
}

/** A spoken word: its range in the original text, and its number of spoken characters. */
export interface SpokenWord extends Place {
  spokenCharacters: number;
}

/** The words of a text, in order; words with the same range count as one. */
export function wordsOf(mapped: MappedText): SpokenWord[] {
  const words: SpokenWord[] = [];
  for (const { 0: word, index } of mapped.text.matchAll(/\S+/g)) {
    const place = mapped.place(index, index + word.length);
    const last = words.at(-1);
    if (last && place.startChar < last.endChar) {
      last.endChar = Math.max(last.endChar, place.endChar);
      last.spokenCharacters += word.length + 1;
    } else if (place.endChar > place.startChar) {
      words.push({ ...place, spokenCharacters: word.length });
    }
  }
  return words;
}

interface Timed extends Place {
  startMs: number;
  endMs: number;
}

/** Converts timings of a derived text's words to timings of the original; words with the same range count as one. */
export function timingsBefore(mapped: MappedText, timings: readonly Timed[]): Timed[] {
  const made: Timed[] = [];
  for (const { startChar, endChar, startMs, endMs } of timings) {
    const place = mapped.place(startChar, Math.max(startChar + 1, endChar));
    const last = made.at(-1);
    if (last && place.startChar < last.endChar) {
      last.endChar = Math.max(last.endChar, place.endChar);
      last.endMs = Math.max(last.endMs, endMs);
    } else if (place.endChar > place.startChar) {
      made.push({ ...place, startMs, endMs });
    }
  }
  return made;
}
