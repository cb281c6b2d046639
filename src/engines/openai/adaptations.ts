import type { Clock } from '../../core/clock.ts';
import { RequestFailure } from './request-failure.ts';

/** A change to a request that a server may need: a key, and a description for the log. */
export interface Adaptation {
  readonly key: string;
  readonly notice?: string;
}

export interface AdaptationsOptions {
  clock: Clock;
  /** How long a change is remembered. */
  maxAgeMs: number;
  /** Called with the description of each change that has helped. */
  onLearned: (notice: string) => void;
}

/** Maximum number of remembered keys: one for each form of a request, and some for values of fields. */
const maxKeys = 64;
/** Maximum for one request. */
const maxAdaptations = 8;

/** The form of requests that one server accepts, learned from its refusals. Entries expire, because servers change. */
export class Adaptations {
  readonly #options: AdaptationsOptions;
  readonly #learnedAt = new Map<string, number>();

  constructor(options: AdaptationsOptions) {
    this.#options = options;
  }

  /**
   * Sends a request. If the server refuses its form, `adapt` returns the change to make. A change is remembered only if
   * it helped, so that a refusal for another reason, such as a client's content, has no effect.
   * @throws {RequestFailure} the last refusal
   */
  async ask<Answer>(
    send: (has: (key: string) => boolean) => Promise<Answer>,
    adapt: (failure: RequestFailure, has: (key: string) => boolean) => Adaptation | undefined,
  ): Promise<Answer> {
    const tried: Adaptation[] = [];
    const has = (key: string) => tried.some((each) => each.key === key) || this.#knows(key);
    for (;;) {
      try {
        const answer = await send(has);
        for (const { key, notice } of tried) {
          this.#learn(key);
          if (notice !== undefined) this.#options.onLearned(notice);
        }
        return answer;
      } catch (error) {
        if (!(error instanceof RequestFailure) || !mayConcernForm(error)) throw error;
        const adaptation = tried.length < maxAdaptations ? adapt(error, has) : undefined;
        if (!adaptation || has(adaptation.key)) throw error;
        tried.push(adaptation);
      }
    }
  }

  #knows(key: string): boolean {
    const at = this.#learnedAt.get(key);
    return at !== undefined && this.#options.clock.now() - at < this.#options.maxAgeMs;
  }

  #learn(key: string): void {
    this.#learnedAt.delete(key);
    this.#learnedAt.set(key, this.#options.clock.now());
    const [oldest] = this.#learnedAt.keys();
    if (this.#learnedAt.size > maxKeys && oldest !== undefined) this.#learnedAt.delete(oldest);
  }
}

/** Whether a refusal may concern the form of a request. Errors of chat templates can have status 500. */
function mayConcernForm({ status }: RequestFailure): boolean {
  return status === 400 || status === 422 || status === 500 || status === 501;
}

const unknownField =
  /unknown|unrecogni[sz]ed|extra|not permitted|unexpected|cannot find|not supported|unsupported (field|param|arg)/i;
const badValue = /\bvalues?\b|must be|should be|between|range|greater|less|at (least|most)|does not support|one of/i;

/**
 * The optional field that a server has refused: always, or only with this value, which is then left out while other
 * values are still sent. `fields` are those of the request.
 */
export function refusedField(
  { detail }: RequestFailure,
  fields: Readonly<Record<string, unknown>>,
  nameOf: (word: string) => string = (word) => word,
): Adaptation | undefined {
  const word = Object.keys(fields).find((each) => new RegExp(`\\b${each}\\b`).test(detail));
  if (word === undefined) return undefined;
  const field = nameOf(word);
  const ofValue = badValue.test(detail) && !unknownField.test(detail);
  if (ofValue) return { key: valueKey(field, fields[word]) };
  return { key: fieldKey(field), notice: `it refuses the field ${field}, and is asked without it from now on` };
}

export function isWithout(has: (key: string) => boolean, field: string, value: unknown): boolean {
  return has(fieldKey(field)) || has(valueKey(field, value));
}

function fieldKey(field: string): string {
  return `without ${field}`;
}

function valueKey(field: string, value: unknown): string {
  return `without ${field} ${JSON.stringify(value)?.slice(0, 64)}`;
}
