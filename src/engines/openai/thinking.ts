import type { ModelMarkup } from '../../session/speech/model-markup.ts';

/** Models of one endpoint that are remembered: clients may name them. */
const maxModels = 64;

/**
 * Which models of an endpoint begin their answers inside reasoning: the template has written `<think>` into the prompt, so that
 * only the closing mark comes. One that has shown it is taken for such a model until an answer comes without a closing mark.
 */
export class ThinkingModels {
  readonly #configured: boolean;
  readonly #models = new Set<string>();

  constructor(configured: boolean) {
    this.#configured = configured;
  }

  beginsInside(model: string): boolean {
    return this.#configured || this.#models.has(model);
  }

  /** Takes note of an answer: a whole one, or as much of it as came. */
  learn(model: string, { endedUnopened, ended }: ModelMarkup, whole: boolean): void {
    if (endedUnopened) this.#models.add(model);
    else if (whole && !ended) this.#models.delete(model);
    for (const oldest of this.#models) {
      if (this.#models.size <= maxModels) break;
      this.#models.delete(oldest);
    }
  }
}
