/** Arithmetic, typed or transcribed. */

import { normalize, readNumber } from './words.ts';

/** Longer texts are not treated as sums, which also bounds the recursion. */
const LONGEST_SUM = 200;

const LEAD =
  /^(?:(?:and|so|ok|okay|hey|hi|hello|now|then|please|can|could|you|tell|me|what|what's|whats|is|are|how|much|does|do|calculate|compute|evaluate|solve|work|out|the|answer|to|result|value|of)[ ,:]+)+/;
const TAIL = /(?:[ ,]*(?:\bequals?|\bis|\bmakes?|\bplease|=|\?|\.|!))+$/;

const REWRITES: readonly (readonly [RegExp, string])[] = [
  [/\b(\p{L}+ty)-(?=\p{L})/gu, '$1 '],
  [/^(?:add|sum of|the sum of) (.+?) (?:and|to) (.+)$/, '($1)+($2)'],
  [/^multiply (.+?) (?:by|and) (.+)$/, '($1)*($2)'],
  [/^product of (.+?) and (.+)$/, '($1)*($2)'],
  [/^divide (.+?) by (.+)$/, '($1)/($2)'],
  [/^subtract (.+?) from (.+)$/, '($2)-($1)'],
  [/\b(?:divided by|over)\b|÷/g, '/'],
  [/\b(?:multiplied by|times)\b|×|(?<=[\d )])x(?=[\d (])/g, '*'],
  [/\b(?:plus|added to)\b/g, '+'],
  [/\b(?:minus|negative|take away)\b|−/g, '-'],
  [/ ?\b(?:percent|per cent)\b/g, '%'],
  [/% of\b/g, '% *'],
  [/\bhalf of\b/g, '0.5 *'],
];

type Token = number | string;

function tokenize(text: string): Token[] | undefined {
  const raw = text.match(/\d[\d,]*(?:\.\d+)?|\.\d+|\p{L}+|[^\s\p{L}]/gu) ?? [];
  const tokens: Token[] = [];
  for (let at = 0; at < raw.length; ) {
    const number = readNumber(raw, at);
    if (number) {
      tokens.push(number.value);
      at += number.length;
      continue;
    }
    const symbol = raw[at] ?? '';
    if (!'+-*/%()'.includes(symbol)) return undefined;
    tokens.push(symbol);
    at += 1;
  }
  return tokens;
}

/**
 * Recursive descent over `+ - * / % ( )`. Throws SyntaxError if it is not an expression, RangeError for division by
 * zero.
 */
function evaluate(tokens: readonly Token[]): number {
  let at = 0;
  const take = (symbol: string) => tokens[at] === symbol && Boolean(++at);
  function factor(): number {
    if (take('-')) return -factor();
    if (take('+')) return factor();
    const value = take('(') ? sum(true) : tokens[at++];
    if (typeof value !== 'number') throw new SyntaxError('not an expression');
    return take('%') ? value / 100 : value;
  }
  function product(): number {
    for (let value = factor(); ; ) {
      if (take('*')) value *= factor();
      else if (!take('/')) return value;
      else {
        const divisor = factor();
        if (divisor === 0) throw new RangeError('division by zero');
        value /= divisor;
      }
    }
  }
  function sum(bracketed: boolean): number {
    for (let value = product(); ; ) {
      if (take('+')) value += product();
      else if (take('-')) value -= product();
      else if (bracketed ? take(')') : at === tokens.length) return value;
      else throw new SyntaxError('not an expression');
    }
  }
  return sum(false);
}

function sayResult(value: number, spoken: boolean): string {
  if (!Number.isFinite(value)) return 'That is more than I can count.';
  const exact = Number(value.toPrecision(12));
  const rounded = Number(exact.toFixed(4));
  const shown = rounded === 0 && exact !== 0 ? exact : rounded;
  const digits = String(Math.abs(shown));
  return `That is ${shown === exact ? '' : 'about '}${shown < 0 ? (spoken ? 'minus ' : '-') : ''}${digits}.`;
}

/** Answers a text that consists of a sum, with or without `what is`; undefined for any other text. */
export function answerSum(text: string, spoken: boolean): string | undefined {
  if (text.length > LONGEST_SUM) return undefined;
  let expression = normalize(text).toLowerCase().replace(TAIL, '');
  // A date or a telephone number alone is not a question.
  if (/^\d+(?:-\d+)+$/.test(expression)) return undefined;
  expression = expression.replace(LEAD, '');
  for (const [pattern, replacement] of REWRITES) expression = expression.replace(pattern, replacement);
  const tokens = tokenize(expression);
  if (!tokens || tokens.length < 2 || !tokens.some((token) => typeof token === 'number')) return undefined;
  if (!tokens.some((token, index) => index > 0 && '+-*/'.includes(String(token)))) return undefined;
  try {
    return sayResult(evaluate(tokens), spoken);
  } catch (error) {
    if (error instanceof RangeError) return 'Nothing can be divided by zero.';
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
