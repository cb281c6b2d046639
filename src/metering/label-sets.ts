/** Whose something is and what made it, as metrics tell it. */
export interface OwnerLabels {
  key: string;
  project: string;
  model: string;
}

/** Names that a client may choose freely and that are not configured get a label of their own while there are so few. */
const freeModels = 16;
const longestName = 128;
/** Combinations of key, project and model. */
const mostSets = 1000;
const other = 'other';

/** Bounds how many time series clients can make: what is beyond the bounds is counted as `other`. */
export class LabelSets {
  readonly #models: Set<string>;
  readonly #sets = new Map<string, OwnerLabels>();
  #room: number;

  /** `configured`: the names that clients may ask for; none means any. `own`: names that the server gives itself. */
  constructor(configured: readonly string[], own: readonly string[]) {
    this.#models = new Set([...configured, ...own]);
    this.#room = configured.length > 0 ? 0 : freeModels;
  }

  /** The same object for the same labels. */
  labelsFor({ keyName = '', project, model }: { keyName?: string; project: string; model: string }): OwnerLabels {
    const labels = { key: keyName, project, model: this.#modelLabel(model) };
    const id = JSON.stringify(labels);
    const known = this.#sets.get(id);
    if (known !== undefined) return known;
    if (this.#sets.size >= mostSets) return { key: other, project: other, model: other };
    this.#sets.set(id, labels);
    return labels;
  }

  #modelLabel(model: string): string {
    if (this.#models.has(model)) return model;
    if (this.#room === 0 || model.length > longestName) return other;
    this.#room -= 1;
    this.#models.add(model);
    return model;
  }
}
