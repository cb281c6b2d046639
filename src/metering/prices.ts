import { type Quantities, quantitiesIn, type TokenKind } from './quantities.ts';

/** What one model costs: money per million tokens of a kind, and per minute of audio that is transcribed. */
export type ModelPrices = Partial<Record<TokenKind | 'transcription-minute', number>>;

/** The operator's prices. The server has none of its own: they change, and a model of one's own has other costs. */
export interface PriceTable {
  /** A word such as USD, that stands beside every amount. */
  readonly currency: string;
  /** By the name of a model, or by the beginning of names and `*`. The longest that fits counts, whole names first. */
  readonly models: Readonly<Record<string, ModelPrices>>;
}

/** Prices have at most this many decimals, so that what they make of tokens can be added up without rounding. */
export const priceDecimals = 6;
const microsPerUnit = 10 ** priceDecimals;
const msPerMinute = 60_000n;

/** Money in millionths of a millionth of its unit: what a price's last decimal makes of one token. */
export type Money = bigint;

export class Prices {
  readonly currency: string;
  readonly #exact: ReadonlyMap<string, ModelPrices>;
  /** The longest first. */
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

  /** What a model costs; undefined where the table does not say. */
  of(model: string): ModelPrices | undefined {
    return this.#exact.get(model) ?? this.#beginnings.find(({ beginning }) => model.startsWith(beginning))?.prices;
  }
}

/** Exact for tokens; the price of a transcribed minute is rounded to the smallest piece. */
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

/** In units of the currency, as exactly as a number can be. */
export function toUnits(money: Money): number {
  return Number(money) / 10 ** (2 * priceDecimals);
}

/** In units of the currency, rounded to their millionth. */
export function roundMoney(money: Money): number {
  return Math.round(toUnits(money) * microsPerUnit) / microsPerUnit;
}

/** A kind without a price is free, but cached input without one costs what other input does. */
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
