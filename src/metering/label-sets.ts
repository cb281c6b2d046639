/** Labels of a metric: the owner and the model. */
export interface OwnerLabels {
  key: string;
  project: string;
  model: string;
}

/** Number of unconfigured model names with their own label. Clients choose these names. */
const freeModels = 16;
const longestName = 128;
/** Number of combinations of key, project and model. */
const mostSets = 1000;
const other = 'other';

/** Bounds the number of time series. Everything beyond the bounds is counted as `other`. */
export class LabelSets {
  readonly #models: Set<string>;
  readonly #sets = new Map<string, OwnerLabels>();
  #room: number;

  /** `configured`: the model names that clients may use; absent means any. `own`: names that the server itself uses. */
  constructor(configured: readonly string[], own: readonly string[]) {
    this.#models = new Set([...configured, ...own]);
    this.#room = configured.length > 0 ? 0 : freeModels;
  }

  /** Returns the same object for the same labels. */
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
