/** Words that listeners say without taking the floor. */
const listening = new Set(
  `yeah yes yep yup ya yah ok okay right sure i see so well true exactly totally absolutely definitely indeed gotcha cool
  great nice good fine wow alright`.split(/\s+/),
);
/** The sounds that transcribers write for hums and coughs: "Mm-hmm", "Uh-huh", "Oh!". */
const hum = /^(?:[hm]+|[aeou]h+|um+|er+m?|aha|huh)(?:-(?:[hm]+|uh+|huh))*$/;

/** The words of a transcript, in lower case and without punctuation. */
export function wordsIn(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
}

/**
 * Whether words said while the assistant speaks take the floor, rather than show that the speaker listens. `isAnswer`:
 * the assistant has asked, or has nearly finished, so that any word does. The list is English: in other languages, and
 * for words such as "wait", "stop" and "no", every word takes the floor, as does a question.
 */
export function takesFloor(text: string, { isAnswer }: { isAnswer: boolean }): boolean {
  const words = wordsIn(text);
  if (words.length === 0) return false;
  return isAnswer || /[?？]["”’)]*\s*$/u.test(text) || words.some((word) => !listening.has(word) && !hum.test(word));
}
