/** A place in a text, in UTF-16 code units: from `startChar` up to and without `endChar`. */
export interface Place {
  startChar: number;
  endChar: number;
}

/** A text that was made from another one, with the place in it that each of its code units stands for. */
export class MappedText {
  readonly text: string;
  readonly #starts: readonly number[];
  readonly #ends: readonly number[];

  private constructor(text: string, starts: readonly number[], ends: readonly number[]) {
    this.text = text;
    this.#starts = starts;
    this.#ends = ends;
  }

  /** The text as it is; `at`: where it begins. */
  static of(text: string, at = 0): MappedText {
    const starts = Array.from({ length: text.length }, (_, index) => at + index);
    return new MappedText(
      text,
      starts,
      starts.map((start) => start + 1),
    );
  }

  /** A text that stands for a place. */
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

  /** The same text, whose places count from `at`. */
  from(at: number): MappedText {
    const shift = (place: number) => Math.max(0, place - at);
    return new MappedText(this.text, this.#starts.map(shift), this.#ends.map(shift));
  }

  /** The place that a part of the text stands for; the part has at least one code unit. */
  place(start: number, end: number): Place {
    const first = this.#starts[start] ?? this.#ends.at(-1) ?? 0;
    return { startChar: first, endChar: Math.max(first, this.#ends[end - 1] ?? first) };
  }

  /** With each match of a global pattern replaced; what replaces it stands for the place of the whole match. */
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

  /** Text that is put in front of a place, and stands for none of it. */
  #between(made: string, at: number): MappedText {
    const startChar = this.#ends[at - 1] ?? this.#starts[at] ?? 0;
    return MappedText.standing(made, { startChar, endChar: startChar });
  }
}

/** A word of a text that is spoken: its place in the text that it was made from, and how many characters are said for it. */
export interface SpokenWord extends Place {
  spokenCharacters: number;
}

/** The words of a text, in order; those that stand for the same place are one. */
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

/** Timings of a text's words as timings of the text that it was made from; words that stand for the same place are one. */
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
