/**
 * Signs in the words of a pause that the speaker has not finished, in English. Words of other languages match none of
 * them, except by coincidence: the lists contain no frequent words that end sentences elsewhere.
 */

/** Words that need another one behind them. */
const openWords = new Set(
  `a an the my your his her its our their this these those some any every each no
  and or but nor because so if when while although though unless until since whereas whether than as
  of to from in on over under with without for at by into onto about between during against among toward towards upon per via
  is are was were am be been being have has had do does did will would shall should can could may might must
  i i'm i'd i'll i've you're you'd you'll we're we'd we'll they're he's she's it's that's there's what's who's
  very really quite too more most less such what which whose where let's gonna wanna please also then maybe perhaps
  first second third fourth number called named like`.split(/\s+/),
);
/** Words that end sentences as often as they leave them open: "What is this?", "I think so.", "Where is it from?" */
const ambiguousWords = new Set(
  `this these those some any so to from in on over under with for at by about do does did will would can could should have has had is are
  am was were be no more most less what which where when why than as please also then too first second third really like
  very without i'll you'll`.split(/\s+/),
);
const fillers = new Set(['um', 'uh', 'uhm', 'umm', 'er', 'erm', 'hm', 'hmm', 'mm', 'well', 'eh', 'ah']);
const digitWords = new Set('zero oh o one two three four five six seven eight nine double triple'.split(' '));
/** Lengths of numbers that people dictate: telephone numbers with and without prefixes, cards, longer PINs. */
const completeLengths = new Set([7, 10, 11, 12, 16]);

/**
 * Lower is less finished; 0 without signs. `endIsKnown`: the transcriber has a probability that the sentence ended. In logits: the natural logarithm of the odds that the turn is over.
 */
export function unfinishedLogit(text: string, { endIsKnown = false } = {}): number {
  const trimmed = text.trim();
  const words = wordsOf(trimmed);
  const last = words.at(-1);
  if (last === undefined) return 0;
  if (fillers.has(last)) return words.length === 1 ? -3 : -4;
  let logit = 0;
  // A mark that is printed inside sentences, or for speech that breaks off; the transcriber's own probability includes it.
  if (!endIsKnown && /(?:[,;:–—-]|\.\.\.|…)["”’)]*$/u.test(trimmed)) logit -= 3;
  if (openWords.has(last)) {
    const isQuestion = /\?["”’)]*$/u.test(trimmed);
    logit -= !ambiguousWords.has(last) ? 4 : isQuestion ? 0 : 1.5;
  }
  if (/\blet me$/.test(words.join(' '))) logit -= 3;
  if (isDictating(words)) logit -= 3;
  return logit;
}

/** Whether the words end in a number that is read digit by digit, or a spelling, and that is probably not complete. */
function isDictating(words: readonly string[]): boolean {
  let digits = 0;
  let letters = 0;
  let parts = 0;
  for (const word of words.toReversed()) {
    const bare = word.replace(/[-.]/g, '');
    if (/^\d{1,4}$/.test(bare)) digits += bare.length;
    else if (digitWords.has(word)) digits += 1;
    else if (/^\p{L}$/u.test(bare) || /^(?:\p{L}[-.])+\p{L}$/u.test(word)) letters += bare.length;
    else break;
    parts += 1;
  }
  // "At nine." and "In 1984." are complete; so are "a" and "I".
  if (digits + letters < 2 || (parts < 2 && letters === 0)) return false;
  return letters > 0 ? letters + digits < 5 : !completeLengths.has(digits);
}

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .replaceAll('’', "'")
    .split(/\s+/)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ''))
    .filter((word) => word !== '');
}
