/**
 * Simple processing of English words: bounding, splitting, stemming, numbers. Every function is linear in its input.
 */

const STOP_WORDS = new Set(
  (
    'a an the this that these those i me my mine you your yours we us our he she it its they them their and or but if then so as ' +
    'is are was were be been am do does did done has have had can could will would shall should may might must not no yes ok okay ' +
    'what which who whom whose when where why how in on at to for from of with by about into near than up down out off please him her ' +
    'hello hi hey there here just now going over back right currently outside again very some any all each one thing things let let im ive dont cant ' +
    'get set fetch find look lookup show tell give use call calls function tool user users current given want need like know ' +
    'information info data return returns specified provided based say says said ask make'
  ).split(' '),
);

/** The first `limit` UTF-16 units, without splitting a character. */
export function truncate(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}

/** Normalizes text for the rules: one line, straight apostrophes, single spaces, at most 2,000 characters. */
export function normalize(text: string): string {
  return truncate(text, 2000).replace(/[’‘]/g, "'").replace(/\s+/g, ' ').trim();
}

/** `plain`, in lower case and without punctuation. */
export function stripPunctuation(text: string): string {
  const words = normalize(text).toLowerCase();
  return normalize(words.replace(/[^\p{L}\p{N}' ]/gu, ' '));
}

/** At most `count` words, with an ellipsis if some were left out. */
export function cutWords(text: string, count: number): string {
  const words = normalize(text).split(' ');
  return truncate(words.length > count ? `${words.slice(0, count).join(' ')}…` : words.join(' '), 300);
}

/** A crude stem: `lights` matches `light`, and `booking` matches `book`. */
export function stem(word: string): string {
  const base = word.toLowerCase().replace(/'s$/, '').replace(/'/g, '');
  if (base.length < 4) return base;
  return base
    .replace(/ies$/, 'y')
    .replace(/(?<=[^s])s$/, '')
    .replace(/(?<=..[^e])(?:ing|ed)$/, '')
    .replace(/e$/, '');
}

/** Splits prose and identifiers (`get_weather`, `getWeather`, `get-weather`) into words. */
export function splitWords(text: string): string[] {
  const spaced = normalize(text).replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2');
  return spaced.match(/[\p{L}\p{N}][\p{L}\p{N}']*/gu) ?? [];
}

/** An identifier in words: `windSpeed_max` becomes `wind speed max`. */
export const readableName = (name: string) => truncate(splitWords(name).slice(0, 8).join(' ').toLowerCase(), 100);

/** Whether a word does not contribute to the meaning of a request. */
export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word.toLowerCase().replace(/'s$/, '').replace(/'/g, ''));
}

const PARTICLES: ReadonlySet<string> = new Set(['up', 'down', 'on', 'off', 'out', 'back', 'away', 'over']);
const JOINED =
  /^(?:look|hang|sign|log|check|set|pick|turn|shut|start|call|wake|follow)(?:up|down|on|off|out|back|over)$/;

/** Phrasal verbs as one word, however they are written: `hanging up`, `hangup`. */
export function phrasalVerbs(text: string): string[] {
  const words = splitWords(text).map((word) => word.toLowerCase());
  const pairs = words.map((word, at) => (PARTICLES.has(words[at + 1] ?? '') ? `${stem(word)}${words[at + 1]}` : word));
  return pairs.filter((pair, at) => pair !== words[at] || JOINED.test(pair));
}

/** The meaningful stems. */
export function contentStems(text: string): Set<string> {
  return new Set(splitWords(text).flatMap((word) => (isStopWord(word) ? [] : [stem(word)])));
}

const SMALL: ReadonlyMap<string, number> = new Map(
  (
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen ' +
    'nineteen twenty thirty forty fifty sixty seventy eighty ninety'
  )
    .split(' ')
    .map((word, n) => [word, n < 20 ? n : n * 10 - 180]),
);
const SCALES = new Map(Object.entries({ dozen: 12, hundred: 100, thousand: 1e3, million: 1e6, billion: 1e9 }));

/** Reads a number in digits or words at `start` of lower-case words: `a hundred and five` is four words long. */
export function readNumber(words: readonly string[], start: number): { value: number; length: number } | undefined {
  const word = (index: number) => words[index] ?? '';
  let at = start;
  let total = 0;
  let current = 0;
  // The next word must have a smaller value than this: `twenty` can be followed by `five`, but not by `fifteen`.
  let room = 100;
  if (/^\d[\d,]*(?:\.\d+)?$|^\.\d+$/.test(word(at))) {
    current = Number(word(at).replace(/,/g, ''));
    room = 0;
    at += 1;
  } else if (word(at) === 'a' && SCALES.has(word(at + 1))) at += 1;
  for (; ; at += 1) {
    const small = SMALL.get(word(at));
    const scale = SCALES.get(word(at));
    if (scale) {
      current = (current || 1) * scale;
      if (scale >= 1e3) total += current;
      if (scale >= 1e3) current = 0;
      room = 100;
    } else if (small !== undefined && small < room && (small > 0 || at === start)) {
      current += small;
      room = small < 20 ? 0 : 10;
    } else if (word(at) !== 'and' || at === start || !SCALES.has(word(at - 1)) || !SMALL.has(word(at + 1))) break;
  }
  if (at === start) return undefined;
  let value = String(total + current);
  if (word(at) === 'point' && (SMALL.get(word(at + 1)) ?? 10) < 10) {
    value += '.';
    for (at += 1; (SMALL.get(word(at)) ?? 10) < 10; at += 1) value += SMALL.get(word(at));
  }
  return { value: Number(value), length: at - start };
}
