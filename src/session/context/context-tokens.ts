import type { AudioClip } from '../../audio/audio-clip.ts';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { lastingJson } from '../../core/json-pieces.ts';
import type { ConversationEntry } from '../conversation/conversation.ts';
import type { ContextItem, ContextPart, ModelTool, TokenCounter } from '../ports/language-model.ts';
import { type AudioClips, type ContextEntry, contextEntry } from './context.ts';
import { type ImageSize, imageSize, imageTokens } from './image-tokens.ts';
import type { TokenCost } from './token-cost.ts';

/** An entry of a context, with its tokens. */
export interface MeasuredEntry extends ContextEntry {
  /** Identical as long as the model's input is the same: a transcript beside its audio does not change it. */
  readonly cost: TokenCost;
  /** Text tokens of its `audioWords`. */
  readonly audioWordTokens: number;
  /** The sizes of its images, in order; undefined for an unreadable one. */
  readonly imageSizes: readonly (ImageSize | undefined)[];
}

/** The part of a prompt before the items. Identical as long as its contents are the same. */
export interface MeasuredHead {
  readonly instructions: string;
  readonly toolsJson: string;
  readonly cost: TokenCost;
}

/** The size of a fetched image. */
type Fetched = (url: string) => ImageSize | undefined;

/** Characters of text that are counted per turn of the event loop. */
const charactersPerTurn = 16 * 1024;
/** Minimum that an item, or a part of one, counts toward `charactersPerTurn`. */
const leastCharacters = 16;

/** Counts the tokens of contexts; an item is counted again only when it has changed. */
export class ContextTokens {
  readonly #counter: TokenCounter;
  readonly #entries = new WeakMap<ConversationEntry, MeasuredEntry>();
  #head: MeasuredHead | undefined;
  readonly #others = new EventLoopYield(charactersPerTurn);

  constructor(counter: TokenCounter) {
    this.#counter = counter;
  }

  /** @throws the signal's reason */
  async head(instructions: string, tools: readonly ModelTool[], signal: AbortSignal): Promise<MeasuredHead> {
    const toolsJson = tools.length === 0 ? '' : lastingJson(tools);
    const known = this.#head;
    if (known?.instructions === instructions && known.toolsJson === toolsJson) return known;
    const cost = { text: await this.#count([instructions, toolsJson], signal), audio: 0, image: 0 };
    this.#head = { instructions, toolsJson, cost };
    return this.#head;
  }

  /**
   * `fetched`: returns the size of a remote image, if known; without it, the last known size is used.
   * @throws the signal's reason
   */
  async measure(
    entries: readonly ConversationEntry[],
    { sounds, fetched, signal }: { sounds: AudioClips; fetched?: Fetched; signal: AbortSignal },
  ): Promise<MeasuredEntry[]> {
    // An input may refer to one item thousands of times.
    const measured = new Map<ConversationEntry, MeasuredEntry>();
    for (const entry of entries) {
      if (measured.has(entry)) continue;
      const { item } = entry;
      const parts = item.type === 'message' ? item.content.length : 0;
      const others = this.#others.step(leastCharacters * (1 + parts));
      if (others) await this.#wait(others, signal);
      const now = contextEntry(entry, sounds);
      measured.set(entry, this.#known(entry, now, fetched) ?? (await this.#measured(entry, now, { fetched, signal })));
    }
    return entries.flatMap((entry) => measured.get(entry) ?? []);
  }

  /** The last measurement of an entry, if it is the same now. */
  #known(entry: ConversationEntry, now: ContextEntry, fetched: Fetched | undefined): MeasuredEntry | undefined {
    const before = this.#entries.get(entry);
    if (!before || !isSame(before, now)) return undefined;
    const sizes = imageSizesOf(now, { fetched, known: before.imageSizes });
    return sizes.every((size, index) => isSameSize(size, before.imageSizes[index])) ? { ...before, ...now } : undefined;
  }

  async #measured(
    entry: ConversationEntry,
    now: ContextEntry,
    { fetched, signal }: { fetched?: Fetched | undefined; signal: AbortSignal },
  ): Promise<MeasuredEntry> {
    const before = this.#entries.get(entry);
    const known = before && isSame(before, now) ? before.imageSizes : undefined;
    const imageSizes = imageSizesOf(now, { fetched, known });
    const audioWordTokens = await this.#count(now.audioWords, signal);
    const cost = {
      text: (await this.#count(now.items.flatMap(textsOf), signal)) - audioWordTokens,
      audio: now.audioTokens,
      image: now.items
        .flatMap(imagesOf)
        .reduce((sum, { detail }, index) => sum + imageTokens(imageSizes[index], detail), 0),
    };
    const measured = { ...now, cost, audioWordTokens, imageSizes };
    this.#entries.set(entry, { ...measured, items: now.items.map(withoutSound) });
    return measured;
  }

  async #count(texts: readonly string[], signal: AbortSignal): Promise<number> {
    let sum = 0;
    for (const text of texts) {
      if (text === '') continue;
      sum += this.#counter.count(text);
      // One item may have a thousand parts.
      const others = this.#others.step(text.length);
      if (others) await this.#wait(others, signal);
    }
    return sum;
  }

  async #wait(others: Promise<void>, signal: AbortSignal): Promise<void> {
    await others;
    signal.throwIfAborted();
  }
}

export function imagesOf(item: ContextItem): Extract<ContextPart, { type: 'image' }>[] {
  return item.type === 'message' ? item.content.filter((part) => part.type === 'image') : [];
}

/** `known`: the last sizes of the same images. */
function imageSizesOf(
  { items }: ContextEntry,
  { fetched, known }: { fetched: Fetched | undefined; known: MeasuredEntry['imageSizes'] | undefined },
): (ImageSize | undefined)[] {
  const sizeOf = (url: string, index: number) => {
    if (isData(url)) return known ? known[index] : imageSize(url);
    return fetched ? fetched(url) : known?.[index];
  };
  return items.flatMap(imagesOf).map(({ url }, index) => sizeOf(url, index));
}

/** Whether a URL contains its image, rather than referring to it. */
export function isData(url: string): boolean {
  return /^data:/i.test(url);
}

function textsOf(item: ContextItem): string[] {
  if (item.type === 'call') return [item.name, item.arguments];
  if (item.type === 'call_output') return [item.output];
  return item.content.flatMap((part) => (part.type === 'text' ? part.text : []));
}

const noSound: AudioClip = { samples: new Int16Array(0), sampleRateHz: 24_000 };

/** For comparison, so that counted audio can be garbage collected. */
function withoutSound(item: ContextItem): ContextItem {
  if (item.type !== 'message' || !item.content.some(({ type }) => type === 'audio')) return item;
  return { ...item, content: item.content.map((part) => (part.type === 'audio' ? { ...part, clip: noSound } : part)) };
}

function isSame(a: ContextEntry, b: ContextEntry): boolean {
  return (
    a.audioTokens === b.audioTokens &&
    a.items.length === b.items.length &&
    a.items.every((item, index) => isSameItem(item, b.items[index]))
  );
}

function isSameItem(a: ContextItem, b: ContextItem | undefined): boolean {
  if (b === undefined || a.type !== b.type) return false;
  if (a.type === 'message' && b.type === 'message') {
    return (
      a.content.length === b.content.length && a.content.every((part, index) => isSamePart(part, b.content[index]))
    );
  }
  const [textsA, textsB] = [textsOf(a), textsOf(b)];
  return textsA.every((text, index) => text === textsB[index]);
}

function isSamePart(a: ContextPart, b: ContextPart | undefined): boolean {
  if (a.type === 'text') return b?.type === 'text' && a.text === b.text;
  // The audio of a part never changes.
  if (a.type === 'audio') return b?.type === 'audio';
  return b?.type === 'image' && a.url === b.url && a.detail === b.detail;
}

function isSameSize(a: ImageSize | undefined, b: ImageSize | undefined): boolean {
  return a?.width === b?.width && a?.height === b?.height;
}
