import { englishWords } from './english/english.ts';
import type { MappedText } from './mapped-text.ts';
import { plainText } from './plain-text.ts';

/** By ISO-639-1 code. Voices of other languages read digits and symbols themselves. */
const languages: Readonly<Record<string, (text: MappedText) => MappedText>> = { en: englishWords };

/** Converts numbers, dates, units and signs to words of a language (`en`, `en-US`), if its rules are known. */
export function inWords(text: MappedText, language: string): MappedText {
  const code = language.toLowerCase().split(/[-_]/, 1)[0] ?? '';
  const plain = plainText(text);
  return Object.hasOwn(languages, code) ? (languages[code]?.(plain) ?? plain) : plain;
}
