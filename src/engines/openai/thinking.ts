import type { ModelMarkup } from '../../session/speech/model-markup.ts';

/** Maximum number of remembered models of an endpoint, because clients may name them. */
const maxModels = 64;

/**
 * Tracks which models of an endpoint begin their answers inside reasoning: the template has put `<think>` into the
 * prompt, so only the closing mark appears. A model counts as such until an answer has no closing mark.
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

  /** Learns from an answer, complete or partial. */
  learn(model: string, { endedUnopened, ended }: ModelMarkup, whole: boolean): void {
    if (endedUnopened) this.#models.add(model);
    else if (whole && !ended) this.#models.delete(model);
    for (const oldest of this.#models) {
      if (this.#models.size <= maxModels) break;
      this.#models.delete(oldest);
    }
  }
}
