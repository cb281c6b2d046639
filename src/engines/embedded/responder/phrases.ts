/** Finds the words of a request that an argument of a tool could mean. */

import { isStopWord, normalize, readNumber, splitWords, stem } from './words.ts';

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '));
/** Words that introduce a phrase. */
const CUES = set('in at on to into for from of near with about by saying that called named is are am as');
const MOMENTS = set(
  'today tomorrow tonight yesterday now monday tuesday wednesday thursday friday saturday sunday noon midnight',
);
const ENDS = set('and or but please if when while then is are was right i you');
const ARTICLES = set('the a an my');
/** `$5`, `-3`, `20%`, `10km`, `3rd`. */
const UNIT_AND_SIGN = /^[-$€£#]{0,2}(\d[\d,]*(?:\.\d+)?)(?:%|\p{L}{1,3})?$/u;
const MOST_TOKENS = 400;
const LONGEST_PHRASE = 6;

/** `start` and `end` are offsets into the text, `mark` is the punctuation that follows, or ''. */
type Token = { raw: string; word: string; stem: string; used: boolean; start: number; end: number; mark: string };

export class Phrases {
  readonly text: string;
  /** Text in quotation marks; a caller that uses a quote removes it from here. */
  readonly quotes: string[];
  readonly words: readonly string[];
  readonly stems: readonly string[];
  readonly #tokens: readonly Token[];
  readonly #known: ReadonlySet<string>;

  /** `known` are the stems by which the tool was selected; they cannot be values. */
  constructor(text: string, known: ReadonlySet<string>) {
    this.#known = known;
    this.text = normalize(text);
    this.quotes = [...this.text.matchAll(/["“«]([^"”»]{1,500})["”»]/gu)].map((found) => found[1] ?? '');
    const found = [...this.text.matchAll(/(?:[^\s,;?!"“”«»()]|(?<=\d),(?=\d)){1,100}/gu)].slice(0, MOST_TOKENS);
    this.#tokens = found.map((match) => {
      const raw = match[0].replace(/[.:]+$/, '');
      const end = match.index + raw.length;
      const word = raw.toLowerCase();
      const mark = /[.,;:?!"”]/.exec(this.text.charAt(end))?.[0] ?? '';
      return { raw, word, stem: stem(word), used: false, start: match.index, end, mark };
    });
    this.words = this.#tokens.map((token) => token.word);
    this.stems = this.#tokens.map((token) => token.stem);
  }

  /** Marks the words of `value` as used if they are adjacent in the request. */
  takeWords(value: unknown): boolean {
    const wanted = typeof value === 'object' ? [] : splitWords(String(value)).map(stem);
    const at = this.stems.findIndex((_, start) => wanted.every((word, i) => this.stems[start + i] === word));
    if (at < 0 || wanted.length === 0) return false;
    this.#use(at, at + wanted.length);
    return true;
  }

  /** A number next to one of the `stems`, or (with `anywhere`) the first remaining number. */
  takeNumber(stems: readonly string[] = [], anywhere = true): number | undefined {
    const numbers = this.#numbersLeft();
    const named = (at: number) => stems.includes(this.stems[at] ?? '');
    const linked = (at: number) => /^(?:to|is|of|at|by)$/.test(this.words[at - 1] ?? '') && named(at - 2);
    const near = numbers.find(({ at, length }) => named(at + length) || named(at - 1) || linked(at));
    const taken = near ?? (anywhere ? numbers[0] : undefined);
    if (taken) this.#use(taken.at, taken.at + taken.length);
    return taken?.value;
  }

  #numbersLeft(): { at: number; length: number; value: number }[] {
    const numbers: { at: number; length: number; value: number }[] = [];
    const digits = this.words.map((word) => word.replace(UNIT_AND_SIGN, '$1'));
    for (let at = 0; at < digits.length; at += 1) {
      const number = readNumber(digits, at);
      if (!number) continue;
      const minus = /^(?:minus|negative)$/.test(digits[at - 1] ?? '') || this.words[at]?.startsWith('-');
      const value = minus ? -number.value : number.value;
      if (!this.#tokens[at]?.used && Number.isFinite(value)) numbers.push({ at, length: number.length, value });
      at += number.length - 1;
    }
    return numbers;
  }

  /** `order 12345`, `the city is Paris`: the text after a word of one of the `stems`. */
  takeNamed(stems: readonly string[]): string | undefined {
    for (const [at, token] of this.#tokens.entries()) {
      if (token.used || token.mark || !stems.includes(token.stem)) continue;
      const link = /^(?:is|of|number|id|called|named)$/.test(this.words[at + 1] ?? '') ? 2 : 1;
      const next = this.#tokens[at + link];
      if (next && !next.used && (link === 2 || /\d|^\p{Lu}/u.test(next.raw)) && !isStopWord(next.raw)) {
        return this.#take(at + link, false);
      }
    }
    return undefined;
  }

  takeNumbers(): number[] {
    const numbers = this.#numbersLeft();
    for (const { at, length } of numbers) this.#use(at, at + length);
    return numbers.map(({ value }) => value);
  }

  /** The first words that could be a list, joined by `and` or commas. Numbers are excluded. */
  takeItems(): string[] {
    this.takeNumbers();
    const found: string[] = [];
    let next = this.takeAfter(['with']) ?? this.takeRest();
    while (next) {
      found.push(next);
      const at = this.#tokens.findIndex(
        ({ used, mark }, index) => used && !this.#tokens[index + 1]?.used && (mark === ',' || this.#joins(index + 1)),
      );
      next = at < 0 ? undefined : this.#take(at + (this.#joins(at + 1) ? 2 : 1), false);
    }
    return found;
  }

  #joins(at: number): boolean {
    return this.words[at] === 'and' || this.words[at] === 'or';
  }

  /** The text after one of the `cues` (any of them by default); a `long` phrase extends to the end of its clause. */
  takeAfter(cues: Iterable<string> = CUES, long = false): string | undefined {
    for (const cue of cues) {
      for (const [at, token] of this.#tokens.entries()) {
        const moment = cue === 'when' && MOMENTS.has(token.word) && !token.used;
        const before = token.word === cue && !token.mark && !MOMENTS.has(this.words[at + 1] ?? '');
        const phrase = moment || before ? this.#take(moment ? at : at + 1, long) : undefined;
        if (phrase) return phrase;
      }
    }
    return undefined;
  }

  /** Whether a meaningful word is left that does not name the tool. */
  hasRest(): boolean {
    return this.#tokens.some(this.#isFree);
  }

  /** A capitalized name within a sentence, otherwise the first meaningful words that do not name the tool. */
  takeRest(): string | undefined {
    const capital = this.#tokens.findIndex((token, at) => at > 0 && this.#isFree(token) && /^\p{Lu}/u.test(token.raw));
    const at = capital < 0 ? this.#tokens.findIndex(this.#isFree) : capital;
    if (at < 0) return undefined;
    let end = at + 1;
    while (end - at < LONGEST_PHRASE && !this.#tokens[end - 1]?.mark && this.#isFree(this.#tokens[end])) end += 1;
    return this.#use(at, end);
  }

  #isFree = (token: Token | undefined): boolean => {
    if (!token || token.used || this.#known.has(token.stem)) return false;
    return !isStopWord(token.word) && !MOMENTS.has(token.word) && /[\p{L}\p{N}]/u.test(token.raw);
  };

  #take(start: number, long: boolean): string | undefined {
    let at = start;
    while (!long && ARTICLES.has(this.words[at] ?? '') && !this.#tokens[at]?.mark) at += 1;
    if (!long && this.#known.has(this.#tokens[at]?.stem ?? '')) return undefined;
    let end = at;
    for (; end < this.#tokens.length; end += 1) {
      const token = this.#tokens[end];
      if (!token || token.used || token.word === 'please') break;
      if (end > at && (long ? /[.?!;]/ : /./).test(this.#tokens[end - 1]?.mark ?? '')) break;
      if (long) continue;
      if (CUES.has(token.word) || ENDS.has(token.word) || end - at >= LONGEST_PHRASE) break;
      if (end > at && MOMENTS.has(token.word)) break;
    }
    const empty = isStopWord(this.words[at] ?? '') && !/^\p{Lu}/u.test(this.#tokens[at]?.raw ?? '');
    return end > at && !(empty && (!long || end - at === 1)) ? this.#use(at, end) : undefined;
  }

  #use(start: number, end: number): string {
    const taken = this.#tokens.slice(start, end);
    for (const token of taken) token.used = true;
    return this.text.slice(taken[0]?.start ?? 0, taken.at(-1)?.end ?? 0).replace(/'s$/, '');
  }
}
