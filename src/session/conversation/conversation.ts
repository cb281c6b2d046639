import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { Item } from '../../protocol/wire/items.ts';
import { charactersOfMcpItem } from '../../protocol/wire/mcp-items.ts';
import type { SpokenAudio } from './spoken-audio.ts';
import type { UserAudio } from './user-audio.ts';

/** An item of the conversation, with the state of its audio. */
export interface ConversationEntry {
  /** The item in wire format, without audio data. */
  item: Item;
  /** A user's audio, by content index. */
  heard: Map<number, UserAudio>;
  /** An assistant's audio, by content index. */
  spoken: Map<number, SpokenAudio>;
}

/** The position of a new item: after an item, at the head, or at the end. */
export type Position = { after: string } | 'head' | 'end';

/** The items in order. Every change increments `version`, so that work on a snapshot can detect that it is stale. */
export class Conversation {
  readonly id: string;
  #entries: ConversationEntry[] = [];
  readonly #byId = new Map<string, { entry: ConversationEntry; characters: number }>();
  #totalCharacters = 0;
  #version = 0;
  /** Whether assistant audio was sent, after which the voice cannot be changed. */
  hasSpoken = false;

  constructor(id: string) {
    this.id = id;
  }

  get version(): number {
    return this.#version;
  }

  get entries(): readonly ConversationEntry[] {
    return this.#entries;
  }

  /** Characters of the items, counted when they are added, and by `grown`. */
  get characters(): number {
    return this.#totalCharacters;
  }

  get lastId(): string | null {
    return this.#entries.at(-1)?.item.id ?? null;
  }

  find(itemId: string): ConversationEntry | undefined {
    return this.#byId.get(itemId)?.entry;
  }

  /** The function calls with this `call_id`, in order: clients may create several. */
  callsById(callId: string): ConversationEntry[] {
    return this.#entries.filter(({ item }) => item.type === 'function_call' && item.call_id === callId);
  }

  /** Whether the entry is still in the conversation. */
  has(entry: ConversationEntry): boolean {
    return this.find(entry.item.id) === entry;
  }

  /** The id of the previous item, null at the head. */
  previousId(itemId: string): string | null {
    const index = this.#entries.findIndex((entry) => entry.item.id === itemId);
    return this.#entries[index - 1]?.item.id ?? null;
  }

  /**
   * Adds an item and returns its entry.
   * @throws {WireError} when its id is taken, or the item to follow does not exist
   */
  insert(item: Item, position: Position): ConversationEntry {
    if (this.find(item.id)) throw wireErrors.duplicateItem(item.id);
    const entry: ConversationEntry = { item, heard: new Map(), spoken: new Map() };
    this.#entries.splice(this.#indexFor(position), 0, entry);
    const characters = charactersOf(item);
    this.#byId.set(item.id, { entry, characters });
    this.#totalCharacters += characters;
    this.touch();
    return entry;
  }

  remove(itemId: string): void {
    this.#totalCharacters -= this.#byId.get(itemId)?.characters ?? 0;
    this.#byId.delete(itemId);
    this.#entries = this.#entries.filter((entry) => entry.item.id !== itemId);
    this.touch();
  }

  /** Call when the characters of an item have changed. */
  grown(itemId: string): void {
    const known = this.#byId.get(itemId);
    if (!known) return;
    const characters = charactersOf(known.entry.item);
    this.#totalCharacters += characters - known.characters;
    known.characters = characters;
    this.touch();
  }

  /** Call when an item has changed. */
  touch(): void {
    this.#version += 1;
  }

  #indexFor(position: Position): number {
    if (position === 'head') return 0;
    if (position === 'end') return this.#entries.length;
    const index = this.#entries.findIndex((entry) => entry.item.id === position.after);
    if (index < 0) throw wireErrors.previousItemUnknown(position.after);
    return index + 1;
  }
}

/** Each part counts a minimum of characters, even if it is empty. */
const partCharacters = 64;

/** The text, images and arguments of an item, in characters: its memory apart from audio. */
export function charactersOf(item: Item): number {
  if (item.type === 'function_call') return partCharacters + item.name.length + item.arguments.length;
  if (item.type === 'function_call_output') return partCharacters + item.output.length;
  if (item.type !== 'message') return partCharacters + charactersOfMcpItem(item);
  return item.content.reduce<number>((total, part) => {
    const content = 'text' in part ? part.text : 'image_url' in part ? part.image_url : (part.transcript ?? '');
    return total + partCharacters + content.length;
  }, partCharacters);
}
