/**
 * Converts prepared text (`session/speech`) to text for Flite: plain ASCII words and punctuation, each with its
 * position in the original. Text that Flite cannot speak (emoji, other scripts, markup) is left out.
 */

export interface SpokenToken {
  /** One or more words, with the punctuation that determines their intonation. */
  spoken: string;
  /** Its position in the original text, in UTF-16 code units. */
  startChar: number;
  endChar: number;
}

/** Text between spaces; very long words are cut. */
const WRITTEN_TOKEN = /\S{1,48}/g;

/**
 * Text is spoken in pieces, because a thread synthesizes a piece without interruption, and because Flite's own pauses
 * between sentences are too short. A piece ends after a sentence, or anywhere once it reaches this estimated duration
 * in milliseconds, which takes Flite about 300 ms to synthesize.
 */
const LONGEST_PIECE_MS = 10_000;
/** Duration of a character of a word at the voice's own pace, in milliseconds. */
const WORD_CHAR_MS = 60;
/** Digits, symbols and letters that do not form a word are read one by one. */
const SPELLED_CHAR_MS = 350;

/** Tokens that are never split: a word, a number, a date, a code. */
const LONGEST_WORD_CHARS = 32;
const LONGEST_CODE_CHARS = 16;
/** Letters with a vowel among any five consecutive ones. */
const WORD = /^(?:[b-df-hj-np-tv-xz]{0,4}[aeiouy])+[b-df-hj-np-tv-xz]{0,4}$/i;

const REPLACEMENTS: readonly [RegExp, string][] = [
  // Symbols that Flite would read out.
  [/[*`~^|\\<>{}[\]_#]+/g, ' '],
  // Typography.
  [/[‘’ʼ`´]/g, "'"],
  [/[“”„«»]/g, '"'],
  [/…/g, '...'],
  [/\s*[—–]+\s*|-{2,}/g, ', '],
  [/([$%~])\1+/g, '$1'],
  // Letters that do not decompose into an ASCII letter.
  [/ß|ẞ/g, 'ss'],
  [/[æÆ]/g, 'ae'],
  [/[œŒ]/g, 'oe'],
  [/[øØ]/g, 'o'],
  [/[łŁ]/g, 'l'],
  [/[đĐðÐ]/g, 'd'],
  [/[þÞ]/g, 'th'],
  [/ı/g, 'i'],
];

/** Flite reads these character by character; separated, they can be split anywhere. */
const SPELLED_RUN = /\d{13,}|[b-df-hj-np-tv-xz]{8,}/gi;

/** Sounds that Flite would spell. */
const INTERJECTIONS: readonly [RegExp, string][] = [
  [/^m+-?h+m+$/i, 'um hum'],
  [/^h+m+$/i, 'hum'],
  [/^m{2,}$/i, 'um'],
  [/^sh+$/i, 'sh'],
  [/^psst$/i, 'pist'],
];

/** The speakable words of a text, in order. */
export function spokenTokens(text: string): SpokenToken[] {
  const tokens: SpokenToken[] = [];
  for (const match of text.matchAll(WRITTEN_TOKEN)) {
    const written = match[0];
    const spoken = spell(written);
    if (/[a-z0-9]/i.test(spoken)) {
      tokens.push(...parts({ spoken, startChar: match.index, endChar: match.index + written.length }));
    } else {
      // A dash or dots surrounded by spaces still make a pause.
      const last = tokens.at(-1);
      if (last && /[,.;:!?]/.test(spoken) && /[a-z0-9]$/i.test(last.spoken)) last.spoken += ',';
    }
  }
  return tokens;
}

function spell(written: string): string {
  let spoken = written.normalize('NFKC');
  for (const [pattern, replacement] of REPLACEMENTS) spoken = spoken.replace(pattern, replacement);
  // Removes accents, and everything else that Flite cannot pronounce.
  spoken = spoken
    .normalize('NFKD')
    .replace(/[^\x20-\x7e]/g, '')
    .replace(/\s+/g, ' ')
    .replace(SPELLED_RUN, (run) => Array.from(run).join(' '))
    .trim();
  const [, before = '', word = '', after = ''] = /^([^a-z0-9]*)(.*?)([^a-z0-9]*)$/i.exec(spoken) ?? [];
  const interjection = INTERJECTIONS.find(([pattern]) => pattern.test(word));
  return interjection ? before + interjection[1] + after : spoken;
}

/**
 * Splits a token that would take long to say into parts; each gets a share of the position in proportion to its length.
 */
function parts(token: SpokenToken): SpokenToken[] {
  const { spoken, startChar, endChar } = token;
  if (spoken.length <= LONGEST_CODE_CHARS) return [token];
  const words = spoken.split(' ').flatMap((word) => {
    const longest = isWord(word) ? LONGEST_WORD_CHARS : LONGEST_CODE_CHARS;
    return word.length <= longest ? word : (word.match(new RegExp(`.{1,${longest}}`, 'g')) ?? []);
  });
  const share = (endChar - startChar) / words.length;
  const place = (index: number) => startChar + Math.round(share * index);
  return words.map((word, at) => ({ spoken: word, startChar: place(at), endChar: place(at + 1) }));
}

/** Groups tokens into pieces that take Flite about equally long, at a speed of 0.25 to 4. */
export function* pieces(tokens: readonly SpokenToken[], speed: number): Generator<SpokenToken[], void, undefined> {
  let piece: SpokenToken[] = [];
  let pieceMs = 0;
  for (const token of tokens) {
    const tokenMs = estimatedMs(token.spoken) / speed;
    if (piece.length > 0 && pieceMs + tokenMs > LONGEST_PIECE_MS) {
      yield piece;
      piece = [];
      pieceMs = 0;
    }
    piece.push(token);
    pieceMs += tokenMs;
    if (!endsSentence(token.spoken) || ABBREVIATION.test(token.spoken)) continue;
    yield piece;
    piece = [];
    pieceMs = 0;
  }
  if (piece.length > 0) yield piece;
}

/** The duration of words at the voice's own pace, including the pause after them. */
function estimatedMs(spoken: string): number {
  const ms = (word: string) => word.length * (isWord(word) ? WORD_CHAR_MS : SPELLED_CHAR_MS);
  return spoken.split(' ').reduce((sum, word) => sum + ms(word) + WORD_CHAR_MS, 0);
}

/** Whether it is read as one word rather than character by character. */
function isWord(spoken: string): boolean {
  return WORD.test(spoken.replace(/^["'(]|[.,;:!?"')]{1,3}$/g, '').replace(/['-]/g, ''));
}

/** A full stop that does not end a sentence. */
const ABBREVIATION = /^[("']*(?:mr|mrs|ms|dr|st|prof|gen|sgt|capt|no|vs|approx|e\.?g|i\.?e|[a-z])\.$/i;

function endsSentence(spoken: string): boolean {
  return /[.!?]["')]*$/.test(spoken);
}

/** Milliseconds of silence that naturally follow these words, at the voice's own pace. */
export function pauseAfterMs(spoken: string): number {
  if (endsSentence(spoken)) return 310;
  return /[,;:]["')]*$/.test(spoken) ? 150 : 20;
}
