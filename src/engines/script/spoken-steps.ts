import type { Step } from './script.ts';

/** A step that is being spoken. */
export interface SpokenStep {
  readonly step: Step;
  readonly text: string;
  /** Milliseconds of it that the voice has made. */
  madeMs: number;
}

/** Steps whose words may still be on their way to the voice. */
const maxSteps = 64;

/**
 * Tells the voice which step a clause comes from: a voice is given words alone. What the model makes and is dropped is
 * told too, and does no harm: its words are never spoken.
 */
export class SpokenSteps {
  readonly #steps: SpokenStep[] = [];

  /** The model is about to say this. */
  expect(step: Step, text: string): void {
    if (this.#steps.push({ step, text, madeMs: 0 }) > maxSteps) this.#steps.shift();
  }

  /** The latest step that says the clause. */
  of(clause: string): SpokenStep | undefined {
    const words = clause.trim();
    return this.#steps.findLast(({ text }) => text.includes(words));
  }
}
