import { responseFailures } from '../../protocol/errors/response-failures.ts';
import type { Conversation, ConversationEntry } from '../conversation/conversation.ts';
import type { EngineCalls } from '../conversation/engine-calls.ts';
import type { GenerationItem, GenerationTool } from '../generation/tool-names.ts';
import type { SessionTools } from '../settings.ts';
import {
  type AudioClips,
  awaitTranscripts,
  type ContextSnapshot,
  charactersInContext,
  soundsOf,
  transcriptsKnown,
} from './context.ts';
import { type AdoptedContext, type ContextHistory, costOf } from './context-history.ts';
import { ContextImages, type FetchedImage } from './context-images.ts';
import { ContextTokens, imagesOf, type MeasuredEntry, type MeasuredHead } from './context-tokens.ts';
import { noTokens, sumOfCosts, totalTokens } from './token-cost.ts';
import { contextBudget, firstKeptIndexes, type Truncation, truncationCut } from './truncation.ts';
import { withUniqueCalls } from './unique-calls.ts';

export interface ContextRequest {
  entries: readonly ConversationEntry[];
  /** The conversation's version when the entries were taken. */
  version: number;
  model: string;
  instructions: string;
  tools: readonly GenerationTool[];
  truncation: Truncation;
  /** Whether the entries are those of the conversation, rather than a response's own input. */
  ofConversation: boolean;
  /**
   * Whether the response belongs to the conversation, so that the next one's context starts with this one unless it
   * changes.
   */
  inConversation: boolean;
}

/** The measured context, before images that are not cached have been fetched. */
export interface ContextEstimate {
  readonly request: ContextRequest;
  readonly sounds: AudioClips;
  readonly measured: readonly MeasuredEntry[];
  /** The conversation's version before `measured`. */
  readonly measuredVersion: number;
  readonly head: MeasuredHead;
  readonly earlierCut: number;
  /** Maximum tokens of the model's input. A longer context is truncated, or the response fails. */
  readonly inputTokens: number;
}

/** A context that fits its model. It has no effect until `ContextHistory.adopt`. */
export interface BuiltContext extends AdoptedContext {
  readonly request: ContextRequest;
  readonly snapshot: ContextSnapshot;
}

/**
 * Builds the contexts of a session's responses: measures the conversation and truncates it for the model. It does not
 * change the history, so a context can be discarded.
 */
export class ContextBuilder {
  readonly #tools: SessionTools;
  readonly #conversation: Conversation;
  readonly #history: ContextHistory;
  readonly #tokens: ContextTokens;
  /** Created on first use: few conversations have images by URL. */
  #images: ContextImages | undefined;
  readonly #engineCalls: EngineCalls;

  constructor(core: SessionTools & { conversation: Conversation; engineCalls: EngineCalls }, history: ContextHistory) {
    this.#tools = core;
    this.#engineCalls = core.engineCalls;
    this.#conversation = core.conversation;
    this.#history = history;
    this.#tokens = new ContextTokens(core.tokens);
  }

  /**
   * Waits for missing transcripts, and counts the tokens.
   * @throws {StageError} when the last message could not be transcribed
   * @throws the signal's reason
   */
  async estimate(request: ContextRequest, signal: AbortSignal): Promise<ContextEstimate> {
    const { entries, instructions, tools, truncation, ofConversation, model } = request;
    // Taken now, so that audio dropped in the meantime is still part of the context.
    const sounds = this.#soundsOf(entries);
    const failure = await awaitTranscripts(entries, sounds, signal);
    if (failure) throw failure;
    const earlierCut = ofConversation && truncation !== 'disabled' ? this.#history.earlierCut(entries) : 0;
    const { version } = this.#conversation;
    const measured = await this.#tokens.measure(entries, { sounds, signal });
    const head = await this.#tokens.head(instructions, tools, signal);
    const cost = sumOfCosts([head.cost, ...measured.slice(earlierCut).map((entry) => entry.cost)]);
    const inputTokens = Math.min(totalTokens(cost), contextBudget(this.#tools.settings.contextTokens, model));
    return { request, sounds, measured, measuredVersion: version, head, earlierCut, inputTokens };
  }

  /**
   * Fetches the images, which requires that the response was admitted, and fits the context to the model.
   * @throws {ResponseFailure} when an image is unavailable, or the context is too large; the signal's reason
   */
  async build(estimate: ContextEstimate, signal: AbortSignal): Promise<BuiltContext> {
    return this.#fit(estimate, await this.#fetchedImages().fetchAll(imagesIn(estimate), signal), signal);
  }

  /** Builds without transcribing or fetching anything. Undefined if something is missing. */
  async buildFromKnown(request: ContextRequest, signal: AbortSignal): Promise<BuiltContext | undefined> {
    if (!transcriptsKnown(request.entries, this.#soundsOf(request.entries))) return undefined;
    const estimate = await this.estimate(request, signal);
    const images = this.#fetchedImages().kept(imagesIn(estimate));
    return images && this.#fit(estimate, images, signal);
  }

  /** Frees the images of an item that is about to be deleted. */
  release(itemId: string): void {
    const entry = this.#conversation.find(itemId);
    if (entry) this.#images?.release({ id: itemId, urls: addressesOf([entry]) });
  }

  #fetchedImages(): ContextImages {
    this.#images ??= new ContextImages(this.#tools, (without) =>
      addressesOf(this.#conversation.entries.filter(({ item }) => item.id !== without)),
    );
    return this.#images;
  }

  #soundsOf(entries: readonly ConversationEntry[]): AudioClips {
    return soundsOf(this.#tools.engines.languageModel.hearsAudio ? entries : []);
  }

  async #fit(
    { request, sounds, measured: estimated, measuredVersion, head, earlierCut }: ContextEstimate,
    images: ReadonlyMap<string, FetchedImage>,
    signal: AbortSignal,
  ): Promise<BuiltContext> {
    const { entries, version } = request;
    const fetched = (url: string) => images.get(url)?.size;
    // Remote images have no known size before they are fetched; the meter or the fetch may have taken time.
    const isCurrent = images.size === 0 && measuredVersion === this.#conversation.version;
    const measured = isCurrent ? estimated : await this.#tokens.measure(entries, { sounds, fetched, signal });
    signal.throwIfAborted();

    const cut = this.#cut(measured, head, earlierCut, request);
    const stays = firstKeptIndexes(entries.map(({ item }) => item));
    const kept = measured.filter((_, index) => (stays[index] ?? index) >= cut);
    const items = withUniqueCalls(
      kept.flatMap(({ items }) => items.map((item) => withImages(item, images))).filter(saysSomething),
      this.#engineCalls,
    );
    this.#requireSize(head, items);
    const prompted = { head, costs: kept.map(({ cost }) => cost) };
    const snapshot: ContextSnapshot = {
      version,
      items,
      cost: costOf(prompted),
      cached: this.#history.cached(prompted),
      audioWords: kept.reduce((sum, { audioWordTokens }) => sum + audioWordTokens, 0),
      soundTokens: kept.reduce((sum, { soundTokens }) => sum + soundTokens, 0),
    };
    return { request, snapshot, prompted, earlierCut, cut };
  }

  #cut(
    measured: readonly MeasuredEntry[],
    head: MeasuredHead,
    earlierCut: number,
    { entries, model, truncation }: ContextRequest,
  ): number {
    const items = entries.map((entry, index) => ({ entry, tokens: totalTokens(measured[index]?.cost ?? noTokens) }));
    return truncationCut(items, earlierCut, {
      headTokens: totalTokens(head.cost),
      budgetTokens: contextBudget(this.#tools.settings.contextTokens, model),
      truncation,
    });
  }

  /** Each occurrence counts: the model receives an item as often as an input refers to it. */
  #requireSize({ instructions, toolsJson }: MeasuredHead, items: readonly GenerationItem[]): void {
    const { contextCharacters } = this.#tools.settings.limits;
    let characters = instructions.length + toolsJson.length;
    for (const item of items) characters += charactersInContext(item);
    if (characters > contextCharacters) throw responseFailures.contextTooLarge(contextCharacters);
  }
}

function imagesIn({ request, earlierCut }: ContextEstimate): string[] {
  return addressesOf(request.entries.slice(earlierCut));
}

/** An input may refer to one item thousands of times. */
function addressesOf(entries: readonly ConversationEntry[]): string[] {
  return [...new Set(entries)].flatMap(({ item }) =>
    item.type === 'message' ? item.content.flatMap((part) => (part.type === 'input_image' ? part.image_url : [])) : [],
  );
}

function withImages(item: GenerationItem, images: ReadonlyMap<string, FetchedImage>): GenerationItem {
  if (item.type !== 'message' || imagesOf(item).length === 0) return item;
  const content = item.content.map((part) =>
    part.type === 'image' ? { ...part, url: images.get(part.url)?.data ?? part.url } : part,
  );
  return { ...item, content };
}

function saysSomething(item: GenerationItem): boolean {
  return item.type !== 'message' || item.content.length > 0;
}
