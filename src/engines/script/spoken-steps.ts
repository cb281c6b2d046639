import type { WorkClaim } from '../../session/ports/work-claim.ts';
import type { Step } from './script.ts';

/** A step that is being spoken. */
export interface SpokenStep {
  readonly step: Step;
  readonly text: string;
  /** Milliseconds of audio that the voice has produced. */
  madeMs: number;
}

/** Maximum number of steps whose text may still be on its way to the voice. */
const maxSteps = 64;

/** Maps clauses to steps for the voice, which only receives text. Each speculation has its own steps. */
export class SpokenSteps {
  readonly #live: SpokenStep[] = [];
  readonly #speculative = new WeakMap<object, SpokenStep[]>();

  /** The model is about to output the text of this step. */
  expect(step: Step, text: string, claim: WorkClaim | undefined): void {
    const steps = this.#stepsFor(claim);
    if (steps.push({ step, text, madeMs: 0 }) > maxSteps) steps.shift();
  }

  /** The latest step that contains the clause. */
  of(clause: string, claim: WorkClaim | undefined): SpokenStep | undefined {
    const words = clause.trim();
    return this.#stepsFor(claim).findLast(({ text }) => text.includes(words));
  }

  #stepsFor(claim: WorkClaim | undefined): SpokenStep[] {
    if (!claim?.adoption) return this.#live;
    const steps = this.#speculative.get(claim.adoption) ?? [];
    this.#speculative.set(claim.adoption, steps);
    return steps;
  }
}
