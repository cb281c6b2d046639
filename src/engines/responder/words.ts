/** Plain handling of English words: bounding, splitting, stemming, numbers. Every function is linear in its input. */

const STOP_WORDS = new Set(
  (
    'a an the this that these those i me my mine you your yours we us our he she it its they them their and or but if then so as ' +
    'is are was were be been am do does did done has have had can could will would shall should may might must not no yes ok okay ' +
    'what which who whom whose when where why how in on at to for from of with by about into near than up down out off please ' +
    'hello hi hey there here just now very some any all each one thing things let let im ive dont cant ' +
    'get set fetch find look lookup show tell give use call calls function tool user users current given want need like know ' +
    'information info data return returns specified provided based say says said ask make'
  ).split(' '),
);

/** The first `limit` UTF-16 units, never ending in half a character. */
export function bounded(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}

/** One line, straight apostrophes, single spaces, at most 2,000 characters: what the rules match against. */
export function plain(text: string): string {
  return bounded(text, 2000).replace(/[’‘]/g, "'").replace(/\s+/g, ' ').trim();
}

/** `plain`, in lower case and without punctuation. */
export function bare(text: string): string {
  return plain(
    plain(text)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}' ]/gu, ' '),
  );
}

/** At most `count` words, with an ellipsis when some were left out. */
export function cutWords(text: string, count: number): string {
  const words = plain(text).split(' ');
  return bounded(words.length > count ? `${words.slice(0, count).join(' ')}…` : words.join(' '), 300);
}

/** A crude stem: enough for `lights` to meet `light`, and `booking` to meet `book`. */
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
  const spaced = bounded(text, 2000)
    .replace(/[’‘]/g, "'")
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2');
  return spaced.match(/[\p{L}\p{N}][\p{L}\p{N}']*/gu) ?? [];
}

/** Whether a word says nothing about what is wanted. */
export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word.toLowerCase().replace(/'s$/, '').replace(/'/g, ''));
}

/** The stems that carry meaning. */
export function contentStems(text: string): Set<string> {
  return new Set(
    splitWords(text)
      .filter((word) => !isStopWord(word))
      .map(stem),
  );
}

const UNITS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = ' twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES: ReadonlyMap<string, number> = new Map([
  ['thousand', 1e3],
  ['million', 1e6],
  ['billion', 1e9],
]);

/** Reads a number in digits or words at `start` of lower-case words: `one hundred and five` is five words long. */
export function readNumber(words: readonly string[], start: number): { value: number; length: number } | undefined {
  let total = 0;
  let current = 0;
  let at = start;
  let seen = false;
  const word = (offset = 0) => words[at + offset] ?? '';
  const small = (candidate: string) => UNITS.includes(candidate) || TENS.indexOf(candidate) > 0;
  if (/^\d[\d,]*(?:\.\d+)?$|^\.\d+$/.test(word())) {
    current = Number(word().replace(/,/g, ''));
    at += 1;
    const scale = SCALES.get(word());
    return scale ? { value: current * scale, length: 2 } : { value: current, length: 1 };
  }
  for (; at < words.length; at += 1) {
    const unit = UNITS.indexOf(word());
    const ten = TENS.indexOf(word());
    const scale = SCALES.get(word());
    if (unit >= 0 && (!seen || current % 100 === 0 || (current % 10 === 0 && current % 100 >= 20 && unit < 10))) {
      if (unit === 0 && seen) break;
      current += unit;
    } else if (ten > 0 && current % 100 === 0) current += ten * 10 + 10;
    else if (word() === 'hundred' && current < 100) current = (current || 1) * 100;
    else if (scale && (seen || at === start)) {
      total += (current || 1) * scale;
      current = 0;
    } else if (word() === 'a' && !seen && (word(1) === 'hundred' || SCALES.has(word(1)))) continue;
    else if (word() === 'and' && (words[at - 1] === 'hundred' || SCALES.has(words[at - 1] ?? '')) && small(word(1)))
      continue;
    else break;
    seen = true;
  }
  if (!seen) return undefined;
  let value = total + current;
  if (word() === 'point' && UNITS.slice(0, 10).includes(word(1))) {
    let digits = '';
    for (at += 1; UNITS.slice(0, 10).includes(word()); at += 1) digits += UNITS.indexOf(word());
    value = Number(`${value}.${digits}`);
  }
  return { value, length: at - start };
}
