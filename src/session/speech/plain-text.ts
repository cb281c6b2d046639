/** Reduces text to code points that every voice can read: removes emoji, decoration and control characters. */

import type { MappedText } from './mapped-text.ts';

const spaces = '[ \\u00a0\\u2000-\\u200a\\u202f\\u205f\\u3000]';

/** Applied in order. */
const rules: readonly (readonly [pattern: RegExp, replacement: string | ((match: RegExpExecArray) => string)])[] = [
  // Unpaired surrogates, and code points that are not text: controls, non-characters, private use.
  [/\p{Cs}|\p{Co}|[\ufdd0-\ufdef\ufffc\ufffd\p{Noncharacter_Code_Point}]/gu, ' '],
  [/(?![\t\n])\p{Cc}/gu, ' '],
  // Emoji that represent a character, then all others, and the rest of broken sequences.
  [/([\d#*])\ufe0f?\u20e3/gu, ([, sign = '']) => ` ${sign} `],
  [/(?![\d#*©®™‼⁉↔-↙])\p{RGI_Emoji}/gv, ' '],
  [
    /(?![\d#*©®™‼⁉↔-↙✕✖×])\p{Extended_Pictographic}[\ufe0f\u200d]*|[\u{1f3fb}-\u{1f3ff}\u{1f1e6}-\u{1f1ff}\u{e0020}-\u{e007f}]|\ufe0e|\ufe0f|\u20e3/gu,
    ' ',
  ],
  // Decoration: box drawing, blocks, shapes, symbols, dingbats, musical notes.
  [
    /[\u2500-\u25ff\u2600-\u26ff\u2700-\u2714\u2717-\u27bf\u2b00-\u2bff\u2800-\u28ff\u23e9-\u23fa\u266a-\u266f\u{1f000}-\u{1faff}]/gu,
    ' ',
  ],
  [/[•‣◦⁃·∙▪▫](?=\s)/gu, ','],
  // Invisible separators and direction marks, except for those that join letters of a script.
  [/[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u061c\u180e]/gu, ''],
  [/(?<![\p{L}\p{M}])[\u200c\u200d]|[\u200c\u200d](?![\p{L}\p{M}])/gu, ''],
  // Digits of a large number are grouped by spaces (ISO 80000-1, §7.3.1).
  [
    new RegExp(`(?<![\\d+.,]|\\d ?)[1-9]\\d{0,2}(?:${spaces}\\d{3}){1,5}(?! ?\\d)`, 'gu'),
    ([digits = '']) => digits.replaceAll(/\D/gu, ''),
  ],
  [/[\u00a0\u2000-\u200a\u202f\u205f\u2028\u2029]/gu, ' '],
  [/\u2212/gu, '-'],
  [/[\u2010\u2011\ufe63\uff0d]/gu, '-'],
  [/[\uff10-\uff19]/gu, ([digit = '']) => digit.normalize('NFKC')],
  [/\u2044/gu, '/'],
  [/[™®]/gu, ''],
  [/[℃]/gu, '°C'],
  [/[℉]/gu, '°F'],
  [/[ﬀ-ﬆ]/gu, ([ligature = '']) => ligature.normalize('NFKC')],
  [/[\u{1d400}-\u{1d7ff}]/gu, ([letter = '']) => letter.normalize('NFKC')],
  [/(?<=\d)[\u02b9\u2032](?=\d)/gu, "'"],
  // The scheme of an address that appeared when marks inside it were removed.
  [/(?:https?|ftps?):\/\//giu, ''],
  // Remaining and repeated marks.
  [/[`*~|\\<>{}[\]^]{2,}|[_#]{2,}/gu, ' '],
  [/([!?,;:])\1{2,}/gu, ([, mark = '']) => mark],
  [/[^\S\n]*,(?:\s*,)+/gu, ','],
  [/[^\S\n]+(?=[,;.!?](?:\s|$))/gu, ''],
  [/(?<=[.!?:;,]),/gu, ''],
  [/[^\S\n]+(?=\n)/gu, ''],
  [/[^\S\n]{2,}/gu, ' '],
];

/** Works for a whole text, or for clauses of one. */
export function plainText(shown: MappedText): MappedText {
  return rules.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), shown);
}
