/** Parses what the instructions of a response ask the assistant to say: `ask the caller for …`, `greet the user`. */

const PERSON = '(?:the |your |our )?(?:caller|customer|user|client|guest|visitor|patient|person|them|him|her)';
const ASK = new RegExp(
  `\\bask (?:(?<person>${PERSON})(?: (?:politely|again|now|please))? )?(?<how>for|about|to|if|whether|what|which|who|where|when|how|why|their)\\b(?<what>[^.!?;\\n]{1,200})`,
  'i',
);
/** The start of another instruction. */
const NEXT =
  /,? (?:and|but|then|before|after|so that)(?: then)? (?=(?:then |do |don't |say|tell|call|use|wait|confirm|give|answer|be|keep|end|thank)\b).*$/i;
const GREET = new RegExp(`\\b(?:greet|welcome|say (?:hello|hi) to) ${PERSON}\\b`, 'i');
const INTRODUCE = /\bintroduce yourself\b/i;

/** Converts words about a person to words addressed to them. */
const TO_THEM: readonly (readonly [RegExp, string])[] = [
  [/\b(?:their|his or her|the (?:caller|customer|user|client|guest|visitor|patient)'s)\b/gi, 'your'],
  [/\b(?:themselves|themself)\b/gi, 'yourself'],
  [/\b(?:they|them|he or she)\b/gi, 'you'],
];

export interface Instructed {
  greets: boolean;
  introduces: boolean;
  /** The question to ask, if any. */
  question: string | undefined;
}

/** Parses instructions; undefined if they contain none of these requests. */
export function readInstructed(text: string): Instructed | undefined {
  const greets = GREET.test(text);
  const introduces = INTRODUCE.test(text);
  const question = questionIn(text);
  return greets || introduces || question !== undefined ? { greets, introduces, question } : undefined;
}

function questionIn(text: string): string | undefined {
  const found = ASK.exec(text)?.groups;
  // `ask to …` and `ask how …` without a person describe the assistant's own behavior.
  if (found === undefined || (found.person === undefined && !/^(?:for|their)$/i.test(found.how ?? '')))
    return undefined;
  const how = (found.how ?? '').toLowerCase();
  let what = (found.what ?? '').replace(NEXT, '').trim();
  if (what === '') return undefined;
  if (how === 'their') what = `their ${what}`;
  for (const [pattern, replacement] of TO_THEM) what = what.replace(pattern, replacement);
  if (how === 'for' || how === 'their') return `Could you give me ${what}?`;
  if (how === 'to') return `Could you ${what}, please?`;
  return `Could you tell me ${how} ${what}?`;
}
