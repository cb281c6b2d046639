/** Numbers in American English words. Digits are passed as text, so that numbers of any size are exact. */

const ones = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
  'thirteen',
  'fourteen',
  'fifteen',
  'sixteen',
  'seventeen',
  'eighteen',
  'nineteen',
];
const tens = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];
const scales = ['', 'thousand', 'million', 'billion', 'trillion'];
const irregular: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
};
const denominators: Readonly<Record<number, string>> = { 2: 'half', 4: 'quarter' };

/** Longer numbers are read digit by digit. */
const longestNumber = 15;

/** `1234` → "one thousand two hundred thirty-four"; leading zeros and very long numbers are read digit by digit. */
export function cardinal(digits: string): string {
  if (digits.length > longestNumber || /^0\d/.test(digits)) return digitByDigit(digits);
  if (/^0*$/.test(digits)) return 'zero';
  const groups = digits.padStart(longestNumber, '0').match(/\d{3}/g) ?? [];
  return groups
    .map((group, index) => {
      const words = belowThousand(Number(group));
      const scale = scales[scales.length - 1 - index] ?? '';
      return words === '' || scale === '' ? words : `${words} ${scale}`;
    })
    .filter((words) => words !== '')
    .join(' ');
}

/** `3` → "third", `21` → "twenty-first". */
export function ordinal(digits: string): string {
  const words = cardinal(digits);
  const [, before = '', last = words] = /^(.*[\s-])?([a-z]+)$/.exec(words) ?? [];
  const made = irregular[last] ?? (last.endsWith('y') ? `${last.slice(0, -1)}ieth` : `${last}th`);
  return before + made;
}

/** `3.14` → "three point one four"; commas between groups of digits are ignored. */
export function decimal(written: string): string {
  const [whole = '', fraction] = written.replaceAll(',', '').split('.');
  const words = cardinal(whole === '' ? '0' : whole);
  return fraction === undefined || fraction === '' ? words : `${words} point ${digitByDigit(fraction)}`;
}

export function digitByDigit(digits: string): string {
  return Array.from(digits, (digit) => ones[Number(digit)] ?? '').join(' ');
}

/**
 * A year of four digits: `1999` → "nineteen ninety-nine", `2005` → "two thousand five", `1905` → "nineteen oh five".
 */
export function year(digits: string): string {
  const [century, rest] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (century % 10 === 0 && rest < 10) return cardinal(digits);
  const words = belowThousand(century);
  if (rest === 0) return `${words} hundred`;
  return `${words} ${rest < 10 ? `oh ${ones[rest]}` : belowThousand(rest)}`;
}

/** `3`, `4` → "three quarters"; undefined if it is not read as a fraction. */
export function fraction(numerator: string, denominator: string): string | undefined {
  const [above, below] = [Number(numerator), Number(denominator)];
  if (above === 0 || below < 2 || above >= below || below > 100 || numerator.startsWith('0')) return undefined;
  const part = denominators[below] ?? ordinal(denominator);
  if (above === 1) return `${part === 'half' ? 'one' : 'one'} ${part}`;
  return `${cardinal(numerator)} ${part === 'half' ? 'halves' : `${part}s`}`;
}

/** The plural of a numeral: "nineties". */
export function plural(words: string): string {
  return words.endsWith('y') ? `${words.slice(0, -1)}ies` : words.endsWith('x') ? `${words}es` : `${words}s`;
}

function belowThousand(value: number): string {
  const hundreds = Math.floor(value / 100);
  const rest = value % 100;
  const small =
    rest < 20
      ? rest === 0
        ? ''
        : ones[rest]
      : `${tens[Math.floor(rest / 10)]}${rest % 10 === 0 ? '' : `-${ones[rest % 10]}`}`;
  return [hundreds === 0 ? '' : `${ones[hundreds]} hundred`, small].filter((words) => words !== '').join(' ');
}
