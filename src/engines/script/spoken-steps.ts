import type { WorkClaim } from '../../session/ports/work-claim.ts';
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

/** Tells the voice which step a clause comes from: a voice is given words alone. Each speculation has its own steps. */
export class SpokenSteps {
  readonly #live: SpokenStep[] = [];
  readonly #speculative = new WeakMap<object, SpokenStep[]>();

  /** The model is about to say this. */
  expect(step: Step, text: string, claim: WorkClaim | undefined): void {
    const steps = this.#stepsFor(claim);
    if (steps.push({ step, text, madeMs: 0 }) > maxSteps) steps.shift();
  }

  /** The latest step that says the clause. */
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
