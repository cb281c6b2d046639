/**
 * Converts English text to its spoken form: numbers, dates, times, amounts, addresses and abbreviations in words. Rules
 * for longer patterns come first.
 */

import type { MappedText } from '../mapped-text.ts';
import { cardinal, decimal, digitByDigit, fraction, ordinal, plural, year } from './numbers.ts';
import { abbreviations, currencies, months, onlyApart, perUnits, shortMonths, units } from './units.ts';

type Rule = readonly [pattern: RegExp, words: string | ((match: RegExpExecArray) => string)];

const vulgar: Readonly<Record<string, string>> = {
  '½': '1/2',
  '⅓': '1/3',
  '⅔': '2/3',
  '¼': '1/4',
  '¾': '3/4',
  '⅕': '1/5',
  '⅖': '2/5',
  '⅗': '3/5',
  '⅘': '4/5',
  '⅙': '1/6',
  '⅚': '5/6',
  '⅐': '1/7',
  '⅛': '1/8',
  '⅜': '3/8',
  '⅝': '5/8',
  '⅞': '7/8',
  '⅑': '1/9',
  '⅒': '1/10',
};
const superscriptDigits = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const number = '(?:\\d{1,3}(?:,\\d{3}){1,6}(?!\\d)|\\d{1,40})(?:\\.\\d{1,20})?';
const magnitudes = 'thousand|million|billion|trillion|k|K|M|B|bn|mn|m';
const magnitudeNames: Readonly<Record<string, string>> = {
  k: 'thousand',
  K: 'thousand',
  M: 'million',
  mn: 'million',
  m: 'million',
  B: 'billion',
  bn: 'billion',
};
const currencyNames = alternatives(Object.keys(currencies));
const unitNames = alternatives(Object.keys(units));
const monthNames = `(?:${months.join('|')}|(?:${alternatives(Object.keys(shortMonths))})\\b\\.?)`;
/** Words before digits that identify something, and are read one by one. */
const idLabel =
  '(?:\\b(?:ISBN(?:-1[03])?|ISSN|EAN|IBAN|PIN|ZIP(?: code)?|code|ID)|\\b(?:account|booking|card|case|confirmation|customer|invoice|member|order|policy|reference|serial|ticket|tracking) (?:number|no\\.|code|ID))(?: is)?:? #?';
/** Boundaries outside a word, a number or a name. */
const alone = '(?<![\\p{L}\\p{N}_.,:/@-])';

const rules: readonly Rule[] = [
  // E-mail addresses, and names of hosts.
  [/(?<![\w.])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/gu, ([address]) => spelledName(address)],
  [
    /(?<![\w@.])(?:[a-z\d-]{2,63}\.){1,6}(?:com|org|net|edu|gov|io|ai|dev|app|info|biz|co|uk|de|fr|eu|us|me|tv|example|local|test)(?![\w-])/giu,
    ([host]) => spelledName(host),
  ],
  // Numbers that identify something.
  [
    new RegExp(`(?<=${idLabel})\\d{2,}(?:[- ]?\\d)+(?:-?X\\b)?(?![\\w.,]\\d)`, 'giu'),
    ([digits]) => digitGroups(digits),
  ],
  [/\b[A-Z]{2}\d{2}(?: [A-Z\d]{4}){3,7}(?: [A-Z\d]{1,3})?\b/gu, ([iban]) => digitGroups(iban)],
  [/(?<![\w.,/+-])\d{4}(?: \d{4}){2,4}(?![\w-]| \d)/gu, ([digits]) => digitGroups(digits)],
  // Dates.
  [
    /(?<![\d/.-])(\d{4})([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?:T(?=\d))?(?![\d/-]|\.\d)/gu,
    ([, y = '', , m = '', d = '']) => `${date(m, d, y)} `,
  ],
  [
    /(?<![\d/.-])(\d{1,2})\/(\d{1,2})\/(\d{4}|\d{2})(?![\d/])/gu,
    ([all, a = '', b = '', y = '']) => dayFirst(all, a, b, y),
  ],
  [
    /(?<![\d/.-])(\d{1,2})\.(\d{1,2})\.(\d{4})(?![\d.])/gu,
    ([all, d = '', m = '', y = '']) => (Number(m) >= 1 && Number(m) <= 12 && Number(d) <= 31 ? date(m, d, y) : all),
  ],
  [
    new RegExp(`\\b(${monthNames}) ([12]?\\d|3[01])(?:st|nd|rd|th)?(?:,? (\\d{4}))?(?![\\d,.:%]\\d|\\d)`, 'gu'),
    ([, month = '', d = '', y]) => `${monthName(month)} ${ordinal(d)}${y ? `, ${year(y)}` : ''}`,
  ],
  [
    new RegExp(
      `${alone}([12]?\\d|3[01])(?:st|nd|rd|th)?(?: of)? (${monthNames})(?![\\p{L}])(?:,? (\\d{4}))?(?!\\d)`,
      'gu',
    ),
    ([, d = '', month = '', y]) => `the ${ordinal(d)} of ${monthName(month)}${y ? `, ${year(y)}` : ''}`,
  ],
  [
    new RegExp(`\\b(${monthNames})(,? )(\\d{4})(?!\\d)`, 'gu'),
    ([, month = '', , y = '']) => `${monthName(month)} ${year(y)}`,
  ],
  // Times.
  [
    /(?<![\d:.])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?:\s?([ap])\.?m(?:\.(?!\s*$)|\b))?(?![\d:])/giu,
    ([, h = '', m = '', s, half]) => time(h, m, s, half),
  ],
  [
    /(?<![\d:.,])(1[0-2]|[1-9])\s?([ap])\.?m(?:\.(?!\s*$)|\b)/giu,
    ([, h = '', half = '']) => `${cardinal(h)} ${half.toLowerCase()} m`,
  ],
  [/\b([ap])\.m(?:\.|\b)/giu, ([, half = '']) => `${half.toLowerCase()} m`],
  // Telephone numbers.
  [/(?<![\w.])\+\d[\d ()./-]{5,22}\d(?!\w)/gu, ([all]) => `plus ${digitGroups(all)}`],
  [/(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w-])/gu, ([all]) => digitGroups(all)],
  [/(?<![\w.,-])\d{3}-\d{4}(?![\w-])/gu, ([all]) => digitGroups(all)],
  [/(?<![\w.,-])1-(?:\d{3}-){2}\d{4}(?![\w-])/gu, ([all]) => digitGroups(all)],
  [/(?<![\w.,-])0\d{2,5}[-/ ]\d{3,8}(?:[- ]\d{2,8})?(?![\w-])/gu, ([all]) => digitGroups(all)],
  [/(?<![\w.,/-])\d+(?:-\d+){2,}(?:-?X\b)?(?![\w-])/gu, ([digits]) => digitGroups(digits)],
  // Feet and inches.
  [
    /(?<![\w.,])(\d)['’′](\d{1,2})(?:["”″]|''|’’)/gu,
    ([, feet = '', inches = '']) => `${cardinal(feet)} feet ${cardinal(inches)} inches`,
  ],
  // Fractions.
  [
    /(\d)?([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒])/gu,
    ([, before, sign = '']) => (before ? `${before} ${vulgar[sign]}` : (vulgar[sign] ?? '')),
  ],
  [
    /(?<![\d.,/])(\d{1,6}) (\d{1,2})\/(\d{1,3})(?![\d/])/gu,
    ([all, whole = '', above = '', below = '']) => mixed(all, whole, above, below),
  ],
  [
    /(?<![\d.,/\p{L}])(\d{1,2})\/(\d{1,3})(?![\d/\p{L}]|[.,]\d)/gu,
    ([all, above = '', below = '']) =>
      all === '24/7'
        ? 'twenty-four seven'
        : (fraction(above, below)?.replace(
            /^one (half|quarter)/,
            (_, part) => `${part === 'half' ? 'half' : 'a quarter'}`,
          ) ?? `${cardinal(above)} over ${cardinal(below)}`),
  ],
  // Amounts of money.
  [
    new RegExp(`(?<![\\p{L}\\d$])(-)?(${currencyNames})\\s?(-)?(${number})(?:\\s?(${magnitudes})(?![\\p{L}]))?`, 'gu'),
    ([, sign, currency = '', second, amount = '', magnitude]) => money(sign ?? second, currency, amount, magnitude),
  ],
  [
    new RegExp(`${alone}(-)?(${number})(?:\\s?(${magnitudes}))?\\s?(${currencyNames})(?![\\p{L}\\d])`, 'gu'),
    ([, sign, amount = '', magnitude, currency = '']) => money(sign, currency, amount, magnitude),
  ],
  // Powers.
  [
    /(?<=[\p{L}\d)]) ?([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6})(?![\p{L}])/gu,
    ([all, power = '']) => (isUnitPower(all, power) ? all : exponent(power)),
  ],
  // Units.
  [
    new RegExp(
      `(?<![\\p{L}_])(-|±)?(?<![\\d.,])(${number})([\\s-]?)(${unitNames})([²³])?(?:/(${alternatives(Object.keys(perUnits))}))?(?![\\p{L}\\d²³/])(\\.(?=,|\\s+\\p{Ll}))?`,
      'gu',
    ),
    (match) => quantity(match),
  ],
  [
    /\b(k?m|cm|mm|ft|mi)([²³])/gu,
    ([, unit = '', power]) => `${power === '²' ? 'square' : 'cubic'} ${units[unit]?.many ?? unit}`,
  ],
  [/[²³]/gu, ([power]) => (power === '²' ? ' squared' : ' cubed')],
  [/\bkm\/h\b/gu, 'kilometers per hour'],
  // Ranges and ratios.
  [
    new RegExp(`${alone}(\\d{4})[-–—](\\d{4}|\\d{2})(?![\\d-])`, 'gu'),
    ([, a = '', b = '']) => `${yearOrNumber(a)} to ${b.length === 2 ? cardinal(b) : yearOrNumber(b)}`,
  ],
  [new RegExp(`(?<![\\p{L}\\d.-])(${number})\\s?[–—]\\s?(?=\\d)`, 'gu'), ([, a = '']) => `${decimal(a)} to `],
  [/(?<![\p{L}\d.-])(\d{1,4})-(?=\d{1,4}(?![\d-]))/gu, ([, a = '']) => `${cardinal(a)} to `],
  [/(?<![\d:])(\d{1,3}):(\d{1,3})(?![\d:])/gu, ([, a = '', b = '']) => `${cardinal(a)} to ${cardinal(b)}`],
  // Signs.
  [/(?<=^|[\s(=×÷*/+,])-(?=\.?\d)/gu, 'minus '],
  [/[#№] ?(?=\d)/gu, 'number '],
  [/\bNos?\. ?(?=\d)/gu, 'number '],
  [/(?<=\p{L})#/gu, ' sharp'],
  [/±/gu, ' plus or minus '],
  [/×|(?<=\d)x(?=\d)/gu, ' times '],
  [/÷/gu, ' divided by '],
  [/≤/gu, ' at most '],
  [/≥/gu, ' at least '],
  [/≠/gu, ' is not '],
  [/≈/gu, ' about '],
  [/~ ?(?=\d)/gu, 'about '],
  [/ ?== ?| ?= ?/gu, ' equals '],
  [/(?<=\s|^)<(?=\s?\d|\s)/gu, 'less than'],
  [/(?<=\s|^)>(?=\s?\d|\s)/gu, 'greater than'],
  [/\+(?=\s|$)|\s\+\s?|\+/gu, ' plus '],
  [/√ ?/gu, 'the square root of '],
  [/∞/gu, ' infinity '],
  [/π/gu, ' pi '],
  [/µ|μ/gu, ' micro '],
  [/→|⇒|➜/gu, ' to '],
  [/&/gu, ' and '],
  [/@/gu, ' at '],
  [/§+ ?/gu, 'section '],
  [/© ?/gu, 'copyright '],
  [/%/gu, ' percent'],
  [/\band\/or\b/gu, 'and or'],
  [/(?<=\p{L})\/(?=\p{L})/gu, ' or '],
  [/\//gu, ' slash '],
  // Numbers.
  [/\b(\d{1,9})(st|nd|rd|th)\b/giu, ([, digits = '']) => ordinal(digits)],
  [/(?<![\d.,])(1[1-9]|20)(\d)0s\b/gu, ([, century = '', decade = '']) => plural(year(`${century}${decade}0`))],
  [/['’](\d)0s\b/gu, ([, decade = '']) => plural(cardinal(`${decade}0`))],
  [/\b([2-9])0s\b/gu, ([, decade = '']) => plural(cardinal(`${decade}0`))],
  [
    /(?<=\b(?:in|since|until|from|to|by|of|year|during|before|after|around|circa|and) )(1[1-9]\d\d|20\d\d)(?![\d%]|[.,]\d| (?:people|percent|dollars|euros|times|more|of))/giu,
    ([, y = '']) => year(y),
  ],
  [
    /(?<![\d.])\d{1,4}(?:\.\d{1,4}){2,5}(?![\d.]\d)/gu,
    (match) => apart(match, match[0].split('.').map(cardinal).join(' point ')),
  ],
  [new RegExp(`(?<![\\d.,])(?:${number})`, 'gu'), (match) => apart(match, decimal(match[0]))],
  [/(?<=^|\s)\.(\d{1,20})/gu, ([, digits = '']) => `point ${digitByDigit(digits)}`],
  [/\d+/gu, ([digits]) => ` ${decimal(digits)} `],
  // Abbreviations.
  [/\bDr\.? (?=\p{Lu})/gu, 'Doctor '],
  [/(?<=\p{Ll} )Dr\b\.?/gu, 'Drive'],
  [/\bSt\.? (?=\p{Lu})/gu, 'Saint '],
  [/(?<=\p{Ll} )St\b\.?/gu, 'Street'],
  [/\bw\/o\b/gu, 'without'],
  [
    new RegExp(`(?<![\\p{L}.])(${alternatives(Object.keys(abbreviations))})\\.(?=(\\s*$)?)`, 'gu'),
    ([, short = '', last]) => `${abbreviations[short]}${last === undefined ? '' : '.'}`,
  ],
  [
    new RegExp(`\\b(${alternatives(Object.keys(shortMonths))})\\.`, 'gu'),
    ([, short = '']) => shortMonths[short] ?? short,
  ],
  // A dot within a name is spoken, one within an abbreviation is not.
  [/(?<=\p{L}{2})\.(?=\p{Ll}{2})/gu, ' dot '],
  [/(?<=\S) {2,}/gu, ' '],
  [/ +(?=[,.;:!?])/gu, ''],
];

/** English in words; the words for a number keep its position. */
export function englishWords(text: MappedText): MappedText {
  return rules.reduce((made, [pattern, words]) => made.replace(pattern, words), text);
}

function alternatives(names: readonly string[]): string {
  return names
    .toSorted((a, b) => b.length - a.length)
    .map((each) => RegExp.escape(each))
    .join('|');
}

function spelledName(written: string): string {
  return written
    .replaceAll('.', ' dot ')
    .replaceAll('@', ' at ')
    .replaceAll('_', ' underscore ')
    .replaceAll('-', ' dash ')
    .replaceAll('+', ' plus ');
}

function monthName(written: string): string {
  return shortMonths[written.replace('.', '')] ?? written;
}

function date(month: string, day: string, digits: string): string {
  const spoken = digits.length === 4 ? year(digits) : cardinal(digits);
  return `${months[Number(month) - 1]} ${ordinal(String(Number(day)))}, ${spoken}`;
}

/** `11/3/2025`: the month comes first, if that is possible. */
function dayFirst(all: string, a: string, b: string, y: string): string {
  const [first, second] = [Number(a), Number(b)];
  if (first >= 1 && first <= 12 && second >= 1 && second <= 31) return date(a, b, y);
  return second >= 1 && second <= 12 && first <= 31 ? date(b, a, y) : all;
}

function time(h: string, m: string, s: string | undefined, half: string | undefined): string {
  const hour = cardinal(String(Number(h)));
  const minutes =
    m === '00'
      ? half
        ? ''
        : Number(h) > 12 || Number(h) === 0
          ? ' hundred'
          : " o'clock"
      : ` ${m.startsWith('0') ? `oh ${cardinal(m.slice(1))}` : cardinal(m)}`;
  const seconds = s === undefined ? '' : ` and ${cardinal(String(Number(s)))} seconds`;
  return `${hour}${minutes}${seconds}${half ? ` ${half.toLowerCase()} m` : ''}`;
}

/** Digit by digit, letters included, with a pause between the groups. */
function digitGroups(written: string): string {
  const spelled = (group: string) =>
    Array.from(group, (each) => (/\d/.test(each) ? digitByDigit(each) : each.toUpperCase())).join(' ');
  return (written.match(/[a-z\d]+/gi) ?? []).map(spelled).join(', ');
}

function mixed(all: string, whole: string, above: string, below: string): string {
  const part = fraction(above, below);
  if (part === undefined) return all;
  return `${cardinal(whole)} and ${part.replace(/^one (?=half|quarter)/, 'a ')}`;
}

function money(sign: string | undefined, symbol: string, amount: string, magnitude: string | undefined): string {
  const currency = currencies[symbol];
  if (!currency) return symbol + amount;
  const minus = sign ? 'minus ' : '';
  const [whole = '', part = ''] = amount.replaceAll(',', '').split('.');
  if (magnitude) return `${minus}${decimal(amount)} ${magnitudeNames[magnitude] ?? magnitude} ${currency.name.many}`;
  if (part !== '' && part.length !== 2) return `${minus}${decimal(amount)} ${currency.name.many}`;
  const names = whole === '1' ? currency.name.one : currency.name.many;
  const small =
    Number(part) === 0
      ? ''
      : `${cardinal(String(Number(part)))} ${Number(part) === 1 ? currency.cent.one : currency.cent.many}`;
  if (small !== '' && Number(whole) === 0) return minus + small;
  return `${minus}${cardinal(whole)} ${names}${small === '' ? '' : ` and ${small}`}`;
}

function isUnitPower(all: string, power: string): boolean {
  return all === power && (power === '²' || power === '³');
}

function exponent(power: string): string {
  const sign = power.startsWith('⁻') ? 'minus ' : '';
  const digits = Array.from(power.replace(/[⁺⁻]/, ''), (digit) => superscriptDigits.indexOf(digit)).join('');
  if (sign === '' && digits === '2') return ' squared';
  if (sign === '' && digits === '3') return ' cubed';
  return ` to the power of ${sign}${cardinal(digits)}`;
}

function quantity(match: RegExpExecArray): string {
  const [all, sign, amount = '', space = '', unit = '', power, per] = match;
  const named = units[unit];
  const letters = onlyApart.has(unit);
  if (
    !named ||
    (letters && space === '') ||
    (unit === 'in' && space === ' ' && !isInches(match)) ||
    (unit === 'm' && power === undefined && space === '' && amount.includes(','))
  )
    return all;
  const one = amount === '1' || space === '-';
  const dimension = power === '²' ? 'square ' : power === '³' ? 'cubic ' : '';
  const number = `${sign === '-' ? 'minus ' : sign === '±' ? 'plus or minus ' : ''}${decimal(amount)}`;
  return `${number} ${dimension}${one ? named.one : named.many}${per ? ` per ${perUnits[per]}` : ''}`;
}

/** `in` behind a number is the unit before a full stop or another length: `10 in.`, `4 in × 6 in`. */
function isInches({ 0: all, index, input }: RegExpExecArray): boolean {
  return (
    all.endsWith('.') || /^(?:\.|\s?×)/.test(input.slice(index + all.length)) || /×\s?$/.test(input.slice(0, index))
  );
}

function yearOrNumber(digits: string): string {
  return /^(?:1[1-9]|20)/.test(digits) ? year(digits) : cardinal(digits);
}

/** Separated from adjacent letters. */
function apart({ 0: match, index, input }: RegExpExecArray, words: string): string {
  const [before, behind] = [input.charAt(index - 1), input.charAt(index + match.length)];
  return `${/\p{L}/u.test(before) ? ' ' : ''}${words}${/\p{L}/u.test(behind) ? ' ' : ''}`;
}
