import type { OwnerLabels } from './label-sets.ts';
import type { Metrics } from './metrics.ts';
import { costOf, type ModelPrices, type Money, roundMoney, toUnits } from './prices.ts';
import { type Quantities, quantitiesIn } from './quantities.ts';

export interface UsageTotalsOptions {
  labels: OwnerLabels;
  metrics: Metrics;
  /** Absent if the model has none. */
  prices: { currency: string; model: ModelPrices } | undefined;
}

/** Totals of one account; all of them count in the metrics too. */
export interface UsedTotals {
  /** Usage by kind; unused kinds are omitted. */
  used: Quantities;
  /** Absent if the model has no prices. Rounded to a millionth of the currency unit. */
  cost?: number;
  currency?: string;
}

/** Adds up usage and costs. */
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
