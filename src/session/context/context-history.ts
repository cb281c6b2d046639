import type { ConversationEntry } from '../conversation/conversation.ts';
import type { Observers } from '../observing/observers.ts';
import type { MeasuredHead } from './context-tokens.ts';
import { noTokens, sumOfCosts, type TokenCost } from './token-cost.ts';

/** What a model is asked with, by its costs. */
export interface PromptedItems {
  readonly head: MeasuredHead;
  readonly costs: readonly TokenCost[];
}

/** What the history has to know of a context that a response adopts. */
export interface AdoptedContext {
  readonly request: {
    readonly entries: readonly ConversationEntry[];
    readonly ofConversation: boolean;
    readonly inConversation: boolean;
  };
  readonly prompted: PromptedItems;
  /** Where the contexts before it began, and where it begins: indexes into the request's entries. */
  readonly earlierCut: number;
  readonly cut: number;
}

/** What the contexts of a session's responses left out, and what the last of them was. Only `adopt` changes it. */
export class ContextHistory {
  readonly #observers: Observers;
  /** Left out of the conversation's context once; so is all before it, so that contexts go on to begin alike. */
  readonly #leftOut = new WeakSet<ConversationEntry>();
  #truncationReported = false;
  #last: PromptedItems | undefined;

  constructor(observers: Observers) {
    this.#observers = observers;
  }

  /** The index of the first of the conversation's entries that no earlier context left out. */
  earlierCut(entries: readonly ConversationEntry[]): number {
    return entries.findLastIndex((entry) => this.#leftOut.has(entry)) + 1;
  }

  /** The cost of what is the same as in the last context, from the beginning to the first difference. */
  cached({ head, costs }: PromptedItems): TokenCost {
    const last = this.#last;
    if (last?.head.instructions !== head.instructions || last.head.toolsJson !== head.toolsJson) return noTokens;
    const differs = costs.findIndex((cost, index) => cost !== last.costs[index]);
    return costOf({ head, costs: differs < 0 ? costs : costs.slice(0, differs) });
  }

  /** A response's model is about to be asked with this context. */
  adopt({ request, prompted, earlierCut, cut }: AdoptedContext): void {
    const { entries, ofConversation, inConversation } = request;
    if (ofConversation) for (const entry of entries.slice(earlierCut, cut)) this.#leftOut.add(entry);
    if (cut > earlierCut) this.#reportTruncation(cut, entries.length);
    if (inConversation) this.#last = prompted;
  }

  #reportTruncation(leftOut: number, items: number): void {
    if (!this.#truncationReported) this.#observers.publish({ type: 'context_truncated', leftOut, items });
    this.#truncationReported = true;
  }
}

export function costOf({ head, costs }: PromptedItems): TokenCost {
  return sumOfCosts([head.cost, ...costs]);
}
