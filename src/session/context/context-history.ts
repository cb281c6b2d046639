import type { ConversationEntry } from '../conversation/conversation.ts';
import type { Observers } from '../observing/observers.ts';
import type { MeasuredHead } from './context-tokens.ts';
import { noTokens, sumOfCosts, type TokenCost } from './token-cost.ts';

/** The parts of a prompt, with their costs. */
export interface PromptedItems {
  readonly head: MeasuredHead;
  readonly costs: readonly TokenCost[];
}

/** The properties of an adopted context that the history uses. */
export interface AdoptedContext {
  readonly request: {
    readonly entries: readonly ConversationEntry[];
    readonly ofConversation: boolean;
    readonly inConversation: boolean;
  };
  readonly prompted: PromptedItems;
  /** The starts of the earlier contexts and of this one, as indexes into the request's entries. */
  readonly earlierCut: number;
  readonly cut: number;
}

/**
 * Tracks the items left out by the contexts of a session's responses, and the last context. Only `adopt` changes it.
 */
export class ContextHistory {
  readonly #observers: Observers;
  /**
   * Entries left out of the conversation's context. Everything before them stays left out, so that contexts keep a
   * common prefix.
   */
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

  /** The cost of the common prefix with the last context. */
  cached({ head, costs }: PromptedItems): TokenCost {
    const last = this.#last;
    if (last?.head.instructions !== head.instructions || last.head.toolsJson !== head.toolsJson) return noTokens;
    const differs = costs.findIndex((cost, index) => cost !== last.costs[index]);
    return costOf({ head, costs: differs < 0 ? costs : costs.slice(0, differs) });
  }

  /** Call when the model of a response is about to receive this context. */
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
