import type { RateLimit, ResponseStatus, TranscriptionUsage, Usage } from '../protocol/server-events.ts';
import type { Meter, SpendingRefusal, TurnTimes } from '../session/ports.ts';
import type { OwnerLabels } from './label-sets.ts';
import type { Metrics } from './metrics.ts';
import { costOf, inUnits, type ModelPrices, type Money, rounded } from './prices.ts';
import { plausible, type Quantities, quantitiesIn, responseQuantities, transcriptionQuantities } from './quantities.ts';
import type { TokenBudget } from './token-budget.ts';

/** What one session has used, as the log tells it. */
export interface Totals {
  /** By how they ended. */
  responses: Partial<Record<ResponseStatus, number>>;
  transcriptions: number;
  /** What was used of each kind; kinds of which nothing was are left out. */
  used: Quantities;
  /** Absent where the model has no prices. Rounded to a millionth of the currency's unit. */
  cost?: number;
  currency?: string;
}

export interface AccountOptions {
  sessionId: string;
  labels: OwnerLabels;
  metrics: Metrics;
  budget: TokenBudget | undefined;
  /** Absent where the model has none. */
  prices: { currency: string; model: ModelPrices } | undefined;
  closed: (account: Account) => void;
}

/** The account of one session: what it uses counts here, in the metrics, and against the limits of its key. */
export class Account implements Meter {
  readonly sessionId: string;
  readonly #options: AccountOptions;
  readonly #responses: Partial<Record<ResponseStatus, number>> = {};
  readonly #used: Quantities = {};
  #transcriptions = 0;
  #cost: Money = 0n;
  #open = true;

  constructor(options: AccountOptions) {
    this.#options = options;
    this.sessionId = options.sessionId;
  }

  async admitResponse(): Promise<SpendingRefusal | undefined> {
    const { budget, metrics, labels } = this.#options;
    const refusal = await budget?.refusal();
    if (refusal) metrics.responseRefused(labels);
    return refusal;
  }

  responseUsed(usage: Usage): void {
    this.#use(responseQuantities(usage));
    this.#options.budget?.use(plausible(usage.total_tokens));
  }

  responseEnded(status: ResponseStatus, times: TurnTimes): void {
    this.#responses[status] = (this.#responses[status] ?? 0) + 1;
    this.#options.metrics.responseEnded(this.#options.labels, status, times);
  }

  transcriptionUsed(usage: TranscriptionUsage): void {
    this.#transcriptions += 1;
    this.#options.metrics.transcribed(this.#options.labels);
    this.#use(transcriptionQuantities(usage));
    if (usage.type === 'tokens') this.#options.budget?.use(plausible(usage.total_tokens));
  }

  rateLimits(): readonly RateLimit[] {
    const { budget } = this.#options;
    return budget ? [budget.rateLimit] : [];
  }

  totals(): Totals {
    const { prices } = this.#options;
    return {
      responses: { ...this.#responses },
      transcriptions: this.#transcriptions,
      used: Object.fromEntries(quantitiesIn(this.#used)),
      ...(prices && { cost: rounded(this.#cost), currency: prices.currency }),
    };
  }

  /** To be called when the session has ended, once or more. */
  close(): Totals {
    if (this.#open) this.#options.closed(this);
    this.#open = false;
    return this.totals();
  }

  #use(quantities: Quantities): void {
    const { prices, metrics, labels } = this.#options;
    for (const [kind, amount] of quantitiesIn(quantities)) this.#used[kind] = (this.#used[kind] ?? 0) + amount;
    metrics.used(labels, quantities);
    if (!prices) return;
    const cost = costOf(quantities, prices.model);
    this.#cost += cost;
    metrics.cost(labels, inUnits(cost), prices.currency);
  }
}
