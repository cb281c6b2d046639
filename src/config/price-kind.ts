/** Parses the table of prices. */

import { z } from 'zod';
import { type ModelPrices, type PriceTable, priceDecimals } from '../metering/prices.ts';
import { responseTokenKinds, speechTokenKinds, transcriptionTokenKinds } from '../metering/quantities.ts';
import { type Kind, readBySchema, structured } from './kinds.ts';

const highestPrice = 1_000_000;
const priceText = `a price from 0 to ${highestPrice} with at most ${priceDecimals} decimals`;
const price = z
  .number(priceText)
  .min(0, priceText)
  .max(highestPrice, priceText)
  .refine((value) => Number(value.toFixed(priceDecimals)) === value, priceText)
  .optional();

const kinds = [...responseTokenKinds, ...transcriptionTokenKinds, ...speechTokenKinds, 'transcription-minute'] as const;
const modelText = `a mapping of ${kinds.join(', ')}`;
const modelPrices: z.ZodType<ModelPrices> = z.strictObject(
  Object.fromEntries(kinds.map((kind) => [kind, price])),
  modelText,
);

const patternText = 'the name of a model, or the beginning of names and *, of at most 128 characters';
const currencyText = 'a currency of 1 to 16 letters, such as USD';
const table = z.strictObject({
  currency: z
    .string(currencyText)
    .regex(/^[A-Za-z]{1,16}$/, currencyText)
    .default('USD'),
  models: z.record(
    z.string().regex(/^[^*]{1,127}\*?$|^\*$/, patternText),
    modelPrices,
    'a mapping of models, each with its prices',
  ),
});

/** Prices by model: a mapping in a file, JSON as text. */
export function prices(): Kind<PriceTable | undefined> {
  return structured<PriceTable | undefined>({
    placeholder: 'PRICES',
    allowed: '{ currency, models }, where models has prices by the name of a model',
    secret: false,
    read: readBySchema(table, explainIssue),
  });
}

function explainIssue(issue: z.core.$ZodIssue): string {
  const [section, model] = issue.path;
  if (section === undefined) {
    return issue.code === 'unrecognized_keys' ? unknownName(issue.keys, 'currency and models') : '';
  }
  const place = issue.path.map(String).join(', ');
  if (issue.code === 'unrecognized_keys') return `In ${place}: ${unknownName(issue.keys, kinds.join(', '))}`;
  if (issue.code === 'invalid_key') return `In models, ${String(model)}: expected ${patternText}.`;
  return `In ${place}: expected ${issue.message}.`;
}

function unknownName(names: readonly string[], known: string): string {
  return `"${names[0]}" is not known; there are ${known}.`;
}
