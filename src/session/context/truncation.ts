/** Truncates a conversation that exceeds the model's context (`truncation` of the session). */

import { responseFailures } from '../../protocol/errors/response-failures.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { Item } from '../../protocol/wire/items.ts';
import type { RealtimeConfig } from '../../protocol/wire/session-config.ts';
import type { ConversationEntry } from '../conversation/conversation.ts';

export type Truncation = RealtimeConfig['truncation'];

/** Maximum input tokens of a model; without `model`, of every model that is not listed. */
export interface ContextBudget {
  readonly model?: string;
  readonly tokens: number;
}

/** By the official document: a context of 32k tokens, of which 4,096 are for the output. */
export const defaultContextTokens = 28_224;

export function contextBudget(budgets: readonly ContextBudget[], model: string): number {
  const budget = budgets.find((each) => each.model === model) ?? budgets.find((each) => each.model === undefined);
  return budget?.tokens ?? defaultContextTokens;
}

/**
 * Refuses a client's limit that exceeds the model's.
 * @throws {WireError}
 */
export function refuseTruncation(truncation: Truncation | undefined, budgetTokens: number): void {
  const limit = typeof truncation === 'object' ? truncation.token_limits?.post_instructions : undefined;
  if (limit === undefined || limit <= budgetTokens) return;
  throw wireErrors.outOfRange('session.truncation.token_limits.post_instructions', {
    kind: 'integer',
    side: 'max',
    limit: budgetTokens,
    got: limit,
  });
}

/** An item, and its tokens. */
export interface WeighedItem {
  readonly entry: ConversationEntry;
  readonly tokens: number;
}

export interface TruncationDemand {
  /** Tokens of instructions and tools, which are never left out. */
  readonly headTokens: number;
  /** Maximum tokens of the model's input. */
  readonly budgetTokens: number;
  readonly truncation: Truncation;
}

/**
 * The index of the first item to keep. Items at or after it are kept, together with all that belongs to them
 * (`staysFrom`). The last user message and the items after it are always kept.
 * @throws {ResponseFailure} when the items that must be kept do not fit
 */
export function truncationCut(items: readonly WeighedItem[], earlierCut: number, demand: TruncationDemand): number {
  const { truncation, budgetTokens, headTokens } = demand;
  const room = budgetTokens - headTokens;
  const stays = firstKeptIndexes(items.map(({ entry }) => entry.item));
  const tokensFrom = tokensByCut(items, stays);
  const check = (cut: number) => {
    const tokens = tokensFrom[cut] ?? 0;
    if (tokens > room) throw responseFailures.contextTooLong(Math.ceil(headTokens + tokens), budgetTokens);
    return cut;
  };
  if (truncation === 'disabled') return check(0);
  const { limit, target } = bounds(truncation, room);
  if ((tokensFrom[earlierCut] ?? 0) <= limit) return check(earlierCut);
  const lastCut = Math.max(earlierCut, lastCutOf(items, stays));
  let cut = earlierCut;
  while (cut < lastCut && (tokensFrom[cut] ?? 0) > target) cut += 1;
  return check(cut);
}

/**
 * For each item, the latest cut that keeps it: a function call and its outputs are kept together with the first of
 * them.
 */
export function firstKeptIndexes(items: readonly Item[]): number[] {
  const first = new Map<string, number>();
  return items
    .map((item, index) => {
      const callId = callIdOf(item);
      if (callId === undefined) return () => index;
      if (!first.has(callId)) first.set(callId, index);
      return () => first.get(callId) ?? index;
    })
    .map((resolve) => resolve());
}

function callIdOf(item: Item): string | undefined {
  if (item.type === 'function_call') return item.call_id ?? item.id;
  return item.type === 'function_call_output' ? item.call_id : undefined;
}

/** The maximum tokens of items before truncation, and the target after it. */
function bounds(truncation: Exclude<Truncation, 'disabled'>, room: number): { limit: number; target: number } {
  if (truncation === 'auto') return { limit: room, target: room };
  const limit = Math.min(room, truncation.token_limits?.post_instructions ?? room);
  return { limit, target: limit * truncation.retention_ratio };
}

/** The tokens that each cut keeps. */
function tokensByCut(items: readonly WeighedItem[], stays: readonly number[]): number[] {
  const tokens = new Array<number>(items.length + 1).fill(0);
  for (const [index, item] of items.entries()) {
    const at = stays[index] ?? index;
    tokens[at] = (tokens[at] ?? 0) + item.tokens;
  }
  for (let cut = items.length - 1; cut >= 0; cut -= 1) tokens[cut] = (tokens[cut] ?? 0) + (tokens[cut + 1] ?? 0);
  return tokens;
}

/** The last user message is kept; if there is none, the last item. */
function lastCutOf(items: readonly WeighedItem[], stays: readonly number[]): number {
  const user = items.findLastIndex(({ entry: { item } }) => item.type === 'message' && item.role === 'user');
  return user >= 0 ? user : (stays.at(-1) ?? 0);
}
