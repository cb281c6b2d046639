import { z } from 'zod';
import { withoutAbsent } from '../core/json.ts';
import { type ContextBudget, defaultContextTokens } from '../session/context/truncation.ts';
import type { Kind } from './kinds.ts';

const leastTokens = 256;
const mostTokens = 100_000_000;

const budgets = z.array(
  z.strictObject({
    model: z.string().min(1).max(128).optional(),
    tokens: z.number().int().min(leastTokens).max(mostTokens),
  }),
);

/** The token budget of a model's input: a number for all models, or `model=number` for one. */
export function contextBudgets(): Kind<readonly ContextBudget[]> {
  return {
    placeholder: 'TOKENS|MODEL=TOKENS,…',
    allowed: `a number of tokens from ${leastTokens} to ${mostTokens} for every model, and model=tokens for each that differs; in a file also a list of { model, tokens }`,
    secret: false,
    repeatable: true,
    fromText,
    fromFile: (entry) =>
      typeof entry === 'number' || typeof entry === 'string' ? fromText(String(entry)) : validBudgets(entry),
    print: (value) =>
      value.map(({ model, tokens }) => (model === undefined ? String(tokens) : `${model}=${tokens}`)).join(','),
  };
}

function fromText(text: string): readonly ContextBudget[] | undefined {
  const entries = text.split(',').map((each) => {
    const [, model, tokens] = /^(?:(.+)=)?(\d+)$/.exec(each.trim()) ?? [];
    return { model: model?.trim(), tokens: Number(tokens) };
  });
  return validBudgets(entries);
}

/** The parsed list with a default for all other models; undefined if a model is listed twice. */
function validBudgets(entries: unknown): readonly ContextBudget[] | undefined {
  const parsed = budgets.safeParse(entries).data;
  if (!parsed || new Set(parsed.map(({ model }) => model)).size < parsed.length) return undefined;
  const listed = parsed.map(withoutAbsent);
  return listed.some(({ model }) => model === undefined) ? listed : [...listed, { tokens: defaultContextTokens }];
}
