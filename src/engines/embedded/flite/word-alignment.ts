/** Finds the words in the phones that were spoken, given how each word is pronounced alone. */

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

/** Reads what `-psdur` prints: `name:endSeconds`, pauses included. */
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

/** Reads what `-ps` prints for words with pauses between them: the phones of each. */
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

/** A stand-in where a pronunciation is not known: as many phones as the word has letters, a few for each digit. */
export function guessedPronunciation(spoken: string): string[] {
  const length = spoken.replace(/[^a-z0-9]/gi, '').replace(/\d/g, '000').length;
  return new Array<string>(Math.max(1, length)).fill('?');
}

/**
 * The time of each word: the spoken phones and the words' own are laid side by side with the fewest changes
 * (Levenshtein), since in a sentence "a" or "the" sounds otherwise than alone.
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
    // A phone that no word expects belongs to the word that has just begun.
    const span = spans[expected[Math.max(0, j - 1)]?.word ?? 0];
    if (phone && span) {
      span.startMs = Math.min(span.startMs, phone.startMs);
      span.endMs = Math.max(span.endMs, phone.endMs);
    }
    const matched = j > 0 && best === cost(i - 1, j - 1) + change(phone?.name, expected[j - 1]?.name);
    if (matched) j -= 1;
    i -= 1;
  }

  // A word that was swallowed has no length, where the one before it ends.
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

/** Vowels weaken into each other; anything else is a worse fit, but better than leaving out and putting in. */
function change(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  return VOWEL.test(a ?? '') && VOWEL.test(b ?? '') ? 0.5 : 1.25;
}
