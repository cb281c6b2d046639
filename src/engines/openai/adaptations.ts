import type { Clock } from '../../core/clock.ts';
import { RequestFailure } from './request-failure.ts';

/** What a server can be asked without, or in another form: a key, and the words for the log. */
export interface Adaptation {
  readonly key: string;
  readonly notice?: string;
}

/** Keys that are remembered at once: one for each form of a request, and some for values of fields. */
const maxKeys = 64;
/** Of one request. */
const maxAdaptations = 8;

/** How one server wants its requests, as its refusals showed it: for a while, since servers are changed. */
export class Adaptations {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #learnedAt = new Map<string, number>();

  constructor(clock: Clock, maxAgeMs: number) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * Sends a request. Where the server refuses its form, `adapt` says what to change; what helped is remembered, and nothing
   * else: a refusal that has another cause, such as one client's content, teaches nothing.
   * @throws {RequestFailure} the last refusal
   */
  async ask<Answer>(
    send: (has: (key: string) => boolean) => Promise<Answer>,
    adapt: (failure: RequestFailure, has: (key: string) => boolean) => Adaptation | undefined,
    onLearned: (notice: string) => void,
  ): Promise<Answer> {
    const tried: Adaptation[] = [];
    const has = (key: string) => tried.some((each) => each.key === key) || this.#knows(key);
    for (;;) {
      try {
        const answer = await send(has);
        for (const { key, notice } of tried) {
          this.#learn(key);
          if (notice !== undefined) onLearned(notice);
        }
        return answer;
      } catch (error) {
        if (!(error instanceof RequestFailure)) throw error;
        const adaptation = tried.length < maxAdaptations ? adapt(error, has) : undefined;
        if (!adaptation || has(adaptation.key)) throw error;
        tried.push(adaptation);
      }
    }
  }

  #knows(key: string): boolean {
    const at = this.#learnedAt.get(key);
    return at !== undefined && this.#clock.now() - at < this.#maxAgeMs;
  }

  #learn(key: string): void {
    this.#learnedAt.delete(key);
    this.#learnedAt.set(key, this.#clock.now());
    const [oldest] = this.#learnedAt.keys();
    if (this.#learnedAt.size > maxKeys && oldest !== undefined) this.#learnedAt.delete(oldest);
  }
}

/** Whether a refusal may be about the form of a request. Errors of chat templates come as 500, too. */
export function mayConcernForm({ status }: RequestFailure): boolean {
  return status === 400 || status === 422 || status === 500 || status === 501;
}

const unknownField =
  /unknown|unrecogni[sz]ed|extra|not permitted|unexpected|cannot find|not supported|unsupported (field|param|arg)/i;
const badValue = /\bvalues?\b|must be|should be|between|range|greater|less|at (least|most)|does not support|one of/i;

/**
 * The optional field that a server has refused: altogether, or with this value, which is then left out and no other. What is
 * in `fields` is what the request had.
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
