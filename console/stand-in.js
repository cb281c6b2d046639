/** Introduces the stand-in that answers in place of a language model. */

import { button, element } from './dom.js';

/** Questions that the stand-in can answer. */
const exampleQuestions = [
  'What can you do?',
  'What is twelve times seven?',
  'My name is Ada and I live in Paris.',
  'What time is it?',
  'Say exactly: the early bird catches the worm.',
];

/**
 * If the stand-in answers, displays its abilities and how to use a language model.
 * @param {(question: string) => void} say
 */
export async function introduceStandIn(say) {
  const report = await fetch('/readyz').then(
    (answer) => answer.json(),
    () => ({ engines: [] }),
  );
  for (const { part, name, hint } of report.engines) {
    if (part !== 'languageModel' || name !== 'responder') continue;
    if (hint) element('real-model', HTMLElement).textContent = hint;
    element('examples', HTMLElement).replaceChildren(
      ...exampleQuestions.map((question) => button(question, () => say(question))),
    );
    element('stand-in', HTMLElement).hidden = false;
  }
}
