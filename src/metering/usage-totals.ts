import type { OwnerLabels } from './label-sets.ts';
import type { Metrics } from './metrics.ts';
import { costOf, type ModelPrices, type Money, roundMoney, toUnits } from './prices.ts';
import { type Quantities, quantitiesIn } from './quantities.ts';

export interface UsageTotalsOptions {
  labels: OwnerLabels;
  metrics: Metrics;
  /** Absent where the model has none. */
  prices: { currency: string; model: ModelPrices } | undefined;
}

/** What one account adds up to; all of it counts in the metrics too. */
export interface UsedTotals {
  /** What was used of each kind; kinds of which nothing was are left out. */
  used: Quantities;
  /** Absent where the model has no prices. Rounded to a millionth of the currency's unit. */
  cost?: number;
  currency?: string;
}

/** Adds up what was used, by kind and in money. */
export class UsageTotals {
  readonly #options: UsageTotalsOptions;
  readonly #used: Quantities = {};
  #cost: Money = 0n;

  constructor(options: UsageTotalsOptions) {
    this.#options = options;
  }

  use(quantities: Quantities): void {
    const { prices, metrics, labels } = this.#options;
    for (const [kind, amount] of quantitiesIn(quantities)) this.#used[kind] = (this.#used[kind] ?? 0) + amount;
    metrics.recordUse(labels, quantities);
    if (!prices) return;
    const cost = costOf(quantities, prices.model);
    this.#cost += cost;
    metrics.cost(labels, toUnits(cost), prices.currency);
  }

  total(): UsedTotals {
    const { prices } = this.#options;
    return {
      used: Object.fromEntries(quantitiesIn(this.#used)),
      ...(prices && { cost: roundMoney(this.#cost), currency: prices.currency }),
    };
  }
}
