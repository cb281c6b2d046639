/** Aligns words with the spoken phones, using the pronunciation of each isolated word. */

export interface Phone {
  name: string;
  startMs: number;
  endMs: number;
}

export interface Span {
  startMs: number;
  endMs: number;
}

const PAUSE = 'pau';
const VOWEL = /^(aa|ae|ah|ao|aw|ax|ay|eh|er|ey|ih|iy|ow|oy|uh|uw)$/;

/** Parses the output of `-psdur`: `name:endSeconds`, pauses included. */
export function parsePhones(printed: string): Phone[] {
  let startMs = 0;
  return printed
    .trim()
    .split(/\s+/)
    .flatMap((entry) => {
      const [name = '', seconds = ''] = entry.split(':');
      const endMs = Number.parseFloat(seconds) * 1000;
      if (!Number.isFinite(endMs)) return [];
      const phone = { name, startMs, endMs };
      startMs = endMs;
      return [phone];
    });
}

/** Parses the output of `-ps` for words separated by pauses: the phones of each. */
export function parsePronunciations(printed: string): string[][] {
  const words: string[][] = [];
  let word: string[] = [];
  for (const name of [...printed.trim().split(/\s+/), PAUSE]) {
    if (name !== PAUSE) word.push(name);
    else if (word.length > 0) {
      words.push(word);
      word = [];
    }
  }
  return words;
}

/** Substitute for an unknown pronunciation: as many phones as the word has letters, and a few for each digit. */
export function guessedPronunciation(spoken: string): string[] {
  const length = spoken.replace(/[^a-z0-9]/gi, '').replace(/\d/g, '000').length;
  return new Array<string>(Math.max(1, length)).fill('?');
}

/**
 * The time of each word. The spoken phones are aligned with those of the words by minimum edit distance (Levenshtein),
 * because words such as "a" or "the" sound different in a sentence.
 */
export function alignWords(spoken: readonly Phone[], words: readonly (readonly string[])[]): Span[] {
  const heard = spoken.filter(({ name }) => name !== PAUSE);
  const expected = words.flatMap((phones, word) => phones.map((name) => ({ name, word })));
  const costs = costTable(heard, expected);
  const cost = (i: number, j: number) => costs[i]?.[j] ?? Number.POSITIVE_INFINITY;

  const spans = words.map((): Span => ({ startMs: Number.POSITIVE_INFINITY, endMs: Number.NEGATIVE_INFINITY }));
  let i = heard.length;
  let j = expected.length;
  while (i > 0) {
    const phone = heard[i - 1];
    const best = cost(i, j);
    if (
      j > 0 &&
      best === cost(i, j - 1) + 1 &&
      best !== cost(i - 1, j - 1) + change(phone?.name, expected[j - 1]?.name)
    ) {
      j -= 1;
      continue;
    }
    // A phone that no word expects belongs to the word that has just started.
    const span = spans[expected[Math.max(0, j - 1)]?.word ?? 0];
    if (phone && span) {
      span.startMs = Math.min(span.startMs, phone.startMs);
      span.endMs = Math.max(span.endMs, phone.endMs);
    }
    const matched = j > 0 && best === cost(i - 1, j - 1) + change(phone?.name, expected[j - 1]?.name);
    if (matched) j -= 1;
    i -= 1;
  }

  // A word without phones has no duration and stands at the end of the previous one.
  let endMs = heard[0]?.startMs ?? 0;
  for (const span of spans) {
    if (span.startMs > span.endMs) Object.assign(span, { startMs: endMs, endMs });
    endMs = span.endMs;
  }
  return spans;
}

function costTable(heard: readonly { name: string }[], expected: readonly { name: string }[]): Float64Array[] {
  const table = Array.from({ length: heard.length + 1 }, () => new Float64Array(expected.length + 1));
  for (let i = 0; i <= heard.length; i++) {
    const row = table[i] ?? new Float64Array(0);
    const above = table[i - 1];
    for (let j = 0; j <= expected.length; j++) {
      if (i === 0 || j === 0) {
        row[j] = i + j;
        continue;
      }
      const changed = (above?.[j - 1] ?? 0) + change(heard[i - 1]?.name, expected[j - 1]?.name);
      row[j] = Math.min(changed, (above?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
    }
  }
  return table;
}

/** Vowels are reduced to one another; any other substitution costs more, but less than a deletion and an insertion. */
function change(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  return VOWEL.test(a ?? '') && VOWEL.test(b ?? '') ? 0.5 : 1.25;
}
