/**
 * Text as it is written to text as Flite can say it: plain ASCII words and punctuation, each with its place in
 * the original. What cannot be said (emoji, other scripts, markup) is left out.
 */

export interface SpokenToken {
  /** One or more words, with the punctuation that shapes their melody. */
  spoken: string;
  /** Its place in the original text, in UTF-16 code units. */
  startChar: number;
  endChar: number;
}

/** An address as a whole, or what stands between spaces; endless words are cut. */
const WRITTEN_TOKEN = /https?:\/\/\S+|\S{1,48}/gi;

/** Long text is spoken piece by piece: a piece ends behind a sentence once it has this many characters… */
const SENTENCE_PIECE_CHARS = 80;
/** …and anywhere once it has this many. */
const LONGEST_PIECE_CHARS = 240;

const REPLACEMENTS: readonly [RegExp, string][] = [
  // Markdown: a link's target, code marks, emphasis, headings and quotes.
  [/\]\([^)]*\)?/g, ' '],
  [/[*`~^|\\<>{}[\]]+/g, ' '],
  [/_+/g, ' '],
  [/^#(?=\d)/, 'number '],
  [/#+/g, ' '],
  // Typography.
  [/[‘’ʼ`´]/g, "'"],
  [/[“”„«»]/g, '"'],
  [/…/g, '...'],
  [/\s*[—–]+\s*|-{2,}/g, ', '],
  // Symbols that are read out.
  [/£\s?(\d[\d.,]*\d|\d)/g, '$1 pounds'],
  [/€\s?(\d[\d.,]*\d|\d)/g, '$1 euros'],
  [/(\d)\s?€/g, '$1 euros'],
  [/°/g, ' degrees '],
  [/&/g, ' and '],
  [/\+/g, ' plus '],
  [/=/g, ' equals '],
  [/@/g, ' at '],
  [/\//g, ' slash '],
  // A dot inside a name is said, one inside a number or an abbreviation is not.
  [/([a-z]{2,})\.(?=[a-z]{2,})/gi, '$1 dot '],
];

/** Sounds that Flite would spell. */
const INTERJECTIONS: readonly [RegExp, string][] = [
  [/^m+-?h+m+$/i, 'um hum'],
  [/^h+m+$/i, 'hum'],
  [/^m{2,}$/i, 'um'],
  [/^sh+$/i, 'sh'],
  [/^psst$/i, 'pist'],
];

/** The words of a text that can be said, in order. */
export function spokenTokens(text: string): SpokenToken[] {
  const tokens: SpokenToken[] = [];
  for (const match of text.matchAll(WRITTEN_TOKEN)) {
    const written = match[0];
    const spoken = spell(written);
    if (/[a-z0-9]/i.test(spoken)) {
      tokens.push({ spoken, startChar: match.index, endChar: match.index + written.length });
    } else {
      // A dash or dots that stand alone still make a pause.
      const last = tokens.at(-1);
      if (last && /[,.;:!?]/.test(spoken) && /[a-z0-9]$/i.test(last.spoken)) last.spoken += ',';
    }
  }
  return tokens;
}

function spell(written: string): string {
  let spoken = /^https?:\/\//i.test(written) ? addressName(written) : written;
  spoken = spoken.normalize('NFKC');
  for (const [pattern, replacement] of REPLACEMENTS) spoken = spoken.replace(pattern, replacement);
  // Accents are dropped, and everything else that Flite has no sound for.
  spoken = spoken
    .normalize('NFKD')
    .replace(/[^\x20-\x7e]/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  const [, before = '', word = '', after = ''] = /^([^a-z0-9]*)(.*?)([^a-z0-9]*)$/i.exec(spoken) ?? [];
  const interjection = INTERJECTIONS.find(([pattern]) => pattern.test(word));
  return interjection ? before + interjection[1] + after : spoken;
}

/** Of an address only its host is worth saying. */
function addressName(address: string): string {
  const [, host = '', end = ''] = /^https?:\/\/(?:www\.)?([^/?#:\s]*).*?([.,;:!?]*)$/i.exec(address) ?? [];
  return host.replace(/[.,;:!?]+$/, '').replaceAll('.', ' dot ') + end;
}

/** Groups tokens into pieces of a length that Flite speaks at once. */
export function* pieces(tokens: readonly SpokenToken[]): Generator<SpokenToken[], void, undefined> {
  let piece: SpokenToken[] = [];
  let chars = 0;
  for (const token of tokens) {
    piece.push(token);
    chars += token.spoken.length + 1;
    if (chars < (endsSentence(token.spoken) ? SENTENCE_PIECE_CHARS : LONGEST_PIECE_CHARS)) continue;
    yield piece;
    piece = [];
    chars = 0;
  }
  if (piece.length > 0) yield piece;
}

function endsSentence(spoken: string): boolean {
  return /[.!?]["')]*$/.test(spoken);
}

/** Milliseconds of silence that naturally follow these words, at the voice's own pace. */
export function pauseAfterMs(spoken: string): number {
  if (endsSentence(spoken)) return 110;
  return /[,;:]["')]*$/.test(spoken) ? 70 : 20;
}
