import { copyItem, type Item } from '../../protocol/wire/items.ts';
import type { Position } from '../conversation/conversation.ts';
import type { SpokenAudio } from '../conversation/spoken-audio.ts';
import type { Playback } from '../ports/playback.ts';
import type { SessionCore } from '../session-core.ts';
import { ModelledPlayback } from './modelled-playback.ts';

/** Where the output items of one response go. */
export interface OutputTarget {
  /** Null outside the conversation. */
  readonly conversationId: string | null;
  /** When its audio may leave, and how far it was heard. */
  readonly playback: Playback;
  /** Takes an item that begins; returns where the audio of its parts is to be noted, by content index. */
  add(item: Item): Map<number, SpokenAudio>;
  /** Takes note that an item is complete. */
  complete(item: Item): void;
  /** A part's audio has grown: it is kept, or dropped. */
  keep(audio: SpokenAudio): void;
}

/** The conversation: output items follow the item that was its last when the response was created. */
export class ConversationTarget implements OutputTarget {
  readonly conversationId: string;
  readonly playback: Playback;
  readonly #core: SessionCore;
  /** The item that the next one follows; null for the head. */
  #previousId: string | null;

  constructor(core: SessionCore) {
    this.#core = core;
    this.playback = core.playback;
    this.conversationId = core.conversation.id;
    this.#previousId = core.conversation.lastId;
  }

  add(item: Item): Map<number, SpokenAudio> {
    const { conversation } = this.#core;
    const position: Position = this.#previousId === null ? 'head' : { after: this.#previousId };
    const { spoken } = conversation.insert(item, position);
    this.#previousId = item.id;
    this.#emit('conversation.item.added', item);
    return spoken;
  }

  complete(item: Item): void {
    this.#core.conversation.touch();
    this.#emit('conversation.item.done', item);
  }

  keep(audio: SpokenAudio): void {
    this.#core.conversation.hasSpoken = true;
    this.#core.retention.keep(audio);
  }

  /** An item of the conversation is about to be deleted. */
  release(itemId: string): void {
    if (this.#previousId === itemId) this.#previousId = this.#core.conversation.previousId(itemId);
  }

  #emit(type: 'conversation.item.added' | 'conversation.item.done', item: Item): void {
    const previous_item_id = this.#core.conversation.previousId(item.id);
    this.#core.emit({ type, previous_item_id, item: copyItem(item) });
  }
}

/** Outside the conversation: the client alone gets the items, and can ask for none of their audio again. */
export class OutOfBandTarget implements OutputTarget {
  readonly conversationId = null;
  readonly playback: Playback;

  constructor({ clock, settings }: SessionCore) {
    this.playback = new ModelledPlayback(clock, settings.outputLeadMs);
  }

  add(): Map<number, SpokenAudio> {
    return new Map();
  }

  complete(): void {}

  keep(audio: SpokenAudio): void {
    audio.dropAudio();
  }
}
