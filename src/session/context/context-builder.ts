import { responseFailures } from '../../protocol/errors/wire-errors.ts';
import type { Conversation, ConversationEntry } from '../conversation/conversation.ts';
import type { ContextItem, ModelTool } from '../ports/language-model.ts';
import type { Reservation } from '../ports/meter.ts';
import type { SessionTools } from '../settings.ts';
import { awaitTranscripts, type ContextSnapshot, charactersInContext, soundsOf } from './context.ts';
import { ContextImages, type FetchedImage } from './context-images.ts';
import { ContextTokens, imagesOf, type MeasuredEntry, type MeasuredHead } from './context-tokens.ts';
import { noTokens, sumOfCosts, type TokenCost, totalTokens } from './token-cost.ts';
import { contextBudget, firstKeptIndexes, type Truncation, truncationCut } from './truncation.ts';

export interface ContextRequest {
  entries: readonly ConversationEntry[];
  /** The conversation's version when the entries were taken. */
  version: number;
  model: string;
  instructions: string;
  tools: readonly ModelTool[];
  truncation: Truncation;
  /** The most that the response may give out. */
  maxOutputTokens: number | 'inf';
  /** The entries are those of the conversation, rather than a response's own input. */
  ofConversation: boolean;
  /** The response stands in the conversation: the next one's context begins with this one's, if nothing changes. */
  inConversation: boolean;
  /** The response may be made, and this was set aside for it. */
  admitted(reservation: Reservation | undefined): void;
}

/** A context that a model was asked with. */
interface PromptedItems {
  readonly head: MeasuredHead;
  readonly costs: readonly TokenCost[];
}

/** Makes the contexts of a session's responses: what the model is given, what it costs, and what of that it was given before. */
export class ContextBuilder {
  readonly #tools: SessionTools;
  readonly #conversation: Conversation;
  readonly #tokens: ContextTokens;
  readonly #images: ContextImages;
  /** What was left out of the conversation's context once; so is all before it, so that contexts go on to begin alike. */
  readonly #leftOut = new WeakSet<ConversationEntry>();
  #leftOutTold = false;
  #asked: PromptedItems | undefined;

  constructor(tools: SessionTools, conversation: Conversation) {
    this.#tools = tools;
    this.#conversation = conversation;
    this.#tokens = new ContextTokens(tools.tokens);
    this.#images = new ContextImages(tools, (without) =>
      addressesOf(conversation.entries.filter(({ item }) => item.id !== without)),
    );
  }

  /**
   * Waits for what is not known yet, asks whether a response may be made, fetches images only then, and fits the context
   * to the model.
   * @throws {StageError} when what was said last could not be transcribed
   * @throws {ResponseFailure} when no response may be made, or its context is too large; the signal's reason
   */
  async build(request: ContextRequest, signal: AbortSignal): Promise<ContextSnapshot> {
    const { entries, version, ofConversation, inConversation } = request;
    // At once: what is dropped meanwhile is given all the same.
    const sounds = soundsOf(this.#tools.engines.languageModel.hearsAudio ? entries : []);
    const failure = await awaitTranscripts(entries, sounds, signal);
    if (failure) throw failure;

    const earlierCut = ofConversation && request.truncation !== 'disabled' ? this.#earlierCut(entries) : 0;
    const estimated = await this.#tokens.measure(entries, { sounds, signal });
    const head = await this.#tokens.head(request.instructions, request.tools, signal);
    await this.#admit(sumOfCosts([head.cost, ...estimated.slice(earlierCut).map(({ cost }) => cost)]), request, signal);

    const images = await this.#images.fetchAll(addressesOf(entries.slice(earlierCut)), signal);
    const fetched = (url: string) => images.get(url)?.size;
    const measured = await this.#tokens.measure(entries, { sounds, fetched, signal });
    signal.throwIfAborted();

    const kept = this.#fit(measured, head, earlierCut, request);
    const items = kept.map(({ item }) => withImages(item, images)).filter(saysSomething);
    this.#requireSize(head, items);
    const asked = { head, costs: kept.map(({ cost }) => cost) };
    const cached = cachedCost(this.#asked, asked);
    if (inConversation) this.#asked = asked;
    return {
      version,
      items,
      cost: costOf(asked),
      cached,
      audioWords: kept.reduce((sum, { audioWordTokens }) => sum + audioWordTokens, 0),
      soundTokens: kept.reduce((sum, { soundTokens }) => sum + soundTokens, 0),
    };
  }

  /** An item is about to be deleted. */
  release(itemId: string): void {
    const entry = this.#conversation.find(itemId);
    if (entry) this.#images.release({ id: itemId, urls: addressesOf([entry]) });
  }

  /** No input is larger than the model's context: what is beyond it will be left out, or fails the response. */
  async #admit(cost: TokenCost, { model, maxOutputTokens, admitted }: ContextRequest, signal: AbortSignal) {
    const { meter, settings } = this.#tools;
    const input = Math.min(totalTokens(cost), contextBudget(settings.contextTokens, model));
    const { refusal, reservation } = await meter.admitResponse({ input, output: maxOutputTokens });
    if (refusal) throw responseFailures.rateLimited(refusal.message);
    if (signal.aborted) reservation?.settle(0);
    signal.throwIfAborted();
    admitted(reservation);
  }

  #earlierCut(entries: readonly ConversationEntry[]): number {
    return entries.findLastIndex((entry) => this.#leftOut.has(entry)) + 1;
  }

  #fit(
    measured: readonly MeasuredEntry[],
    head: MeasuredHead,
    earlierCut: number,
    { entries, model, truncation, ofConversation }: ContextRequest,
  ): MeasuredEntry[] {
    const items = entries.map((entry, index) => ({ entry, tokens: totalTokens(measured[index]?.cost ?? noTokens) }));
    const demand = {
      headTokens: totalTokens(head.cost),
      budgetTokens: contextBudget(this.#tools.settings.contextTokens, model),
      truncation,
    };
    const cut = truncationCut(items, earlierCut, demand);
    if (ofConversation) for (const entry of entries.slice(earlierCut, cut)) this.#leftOut.add(entry);
    if (cut > earlierCut) this.#logTruncation(cut, entries.length);
    const stays = firstKeptIndexes(entries.map(({ item }) => item));
    return measured.filter((_, index) => (stays[index] ?? index) >= cut);
  }

  /** Each occurrence counts: a model is sent an item as often as an input refers to it. */
  #requireSize({ instructions, toolsJson }: MeasuredHead, items: readonly ContextItem[]): void {
    const { contextCharacters } = this.#tools.settings.limits;
    let characters = instructions.length + toolsJson.length;
    for (const item of items) characters += charactersInContext(item);
    if (characters > contextCharacters) throw responseFailures.contextTooLarge(contextCharacters);
  }

  #logTruncation(leftOut: number, items: number): void {
    if (!this.#leftOutTold) this.#tools.log.info('context_truncated', { leftOut, items });
    this.#leftOutTold = true;
  }
}

/** An input may refer to one item thousands of times. */
function addressesOf(entries: readonly ConversationEntry[]): string[] {
  return [...new Set(entries)].flatMap(({ item }) =>
    item.type === 'message' ? item.content.flatMap((part) => (part.type === 'input_image' ? part.image_url : [])) : [],
  );
}

function withImages(item: ContextItem, images: ReadonlyMap<string, FetchedImage>): ContextItem {
  if (item.type !== 'message' || imagesOf(item).length === 0) return item;
  const content = item.content.map((part) =>
    part.type === 'image' ? { ...part, url: images.get(part.url)?.data ?? part.url } : part,
  );
  return { ...item, content };
}

function saysSomething(item: ContextItem): boolean {
  return item.type !== 'message' || item.content.length > 0;
}

function costOf({ head, costs }: PromptedItems): TokenCost {
  return sumOfCosts([head.cost, ...costs]);
}

/** What of a context is the same as an earlier one's, from the beginning to the first difference. */
function cachedCost(before: PromptedItems | undefined, now: PromptedItems): TokenCost {
  if (before?.head.instructions !== now.head.instructions || before.head.toolsJson !== now.head.toolsJson)
    return noTokens;
  const differs = now.costs.findIndex((cost, index) => cost !== before.costs[index]);
  return costOf({ head: now.head, costs: differs < 0 ? now.costs : now.costs.slice(0, differs) });
}
