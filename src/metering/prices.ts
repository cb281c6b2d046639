import { type Quantities, quantitiesIn, type TokenKind } from './quantities.ts';

/** Prices of one model: per million tokens of a kind, and per minute of transcribed audio. */
export type ModelPrices = Partial<Record<TokenKind | 'transcription-minute', number>>;

/** The operator's prices. There are no built-in ones. */
export interface PriceTable {
  /** A word such as USD, shown beside every amount. */
  readonly currency: string;
  /** By model name, or prefix and `*`. An exact name takes precedence, then the longest prefix. */
  readonly models: Readonly<Record<string, ModelPrices>>;
}

/** Maximum decimals of a price, so that sums are exact. */
export const priceDecimals = 6;
const microsPerUnit = 10 ** priceDecimals;
const msPerMinute = 60_000n;

/** Amounts are integers of this fraction of the currency unit: the price of one token at the smallest price. */
export type Money = bigint;

export class Prices {
  readonly currency: string;
  readonly #exact: ReadonlyMap<string, ModelPrices>;
  /** Longest first. */
  readonly #beginnings: readonly { beginning: string; prices: ModelPrices }[];

  constructor({ currency, models }: PriceTable) {
    this.currency = currency;
    const entries = Object.entries(models);
    this.#exact = new Map(entries.filter(([name]) => !name.endsWith('*')));
    this.#beginnings = entries
      .filter(([name]) => name.endsWith('*'))
      .map(([name, prices]) => ({ beginning: name.slice(0, -1), prices }))
      .sort((a, b) => b.beginning.length - a.beginning.length);
  }

  /** The prices of a model; undefined if the table has none. */
  of(model: string): ModelPrices | undefined {
    return this.#exact.get(model) ?? this.#beginnings.find(({ beginning }) => model.startsWith(beginning))?.prices;
  }
}

/** Exact for tokens; the price of a transcribed minute is rounded to the smallest unit. */
export function costOf(quantities: Quantities, prices: ModelPrices): Money {
  let cost = 0n;
  for (const [kind, amount] of quantitiesIn(quantities)) {
    if (kind === 'transcription-ms') {
      cost += (BigInt(amount) * micros(prices['transcription-minute']) * BigInt(microsPerUnit)) / msPerMinute;
    } else {
      cost += BigInt(amount) * micros(priceOf(kind, prices));
    }
  }
  return cost;
}

/** In units of the currency, as precise as a number can be. */
export function toUnits(money: Money): number {
  return Number(money) / 10 ** (2 * priceDecimals);
}

/** In units of the currency, rounded to a millionth. */
export function roundMoney(money: Money): number {
  return Math.round(toUnits(money) * microsPerUnit) / microsPerUnit;
}

/** A kind without a price is free; cached input without a price costs as much as other input. */
function priceOf(kind: TokenKind, prices: ModelPrices): number | undefined {
  switch (kind) {
    case 'text-cached-input':
      return prices[kind] ?? prices['text-input'];
    case 'audio-cached-input':
      return prices[kind] ?? prices['audio-input'];
    case 'image-cached-input':
      return prices[kind] ?? prices['image-input'];
    default:
      return prices[kind];
  }
}

function micros(price = 0): bigint {
  return BigInt(Math.round(price * microsPerUnit));
}
