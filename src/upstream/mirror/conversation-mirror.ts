import { isJsonObject } from '../../core/json.ts';
import { jsonLength } from '../../core/json-pieces.ts';
import type { ServerEvent, ServerEventOf } from '../../protocol/wire/server-events.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import type { JsonObject, UpstreamEvent } from '../link/json.ts';

/** An item of the conversation, as the upstream last reported it. */
export interface MirroredItem {
  id: string;
  item: JsonObject;
  /** Transcripts of its audio, by content index. */
  transcripts: Map<number, string>;
  /** Duration of the audio sent. */
  audioMs: number;
  /** Where its playback was truncated. */
  heardMs: number | undefined;
  /** The length of the item and its transcripts. */
  characters: number;
}

export interface MirrorLimits {
  items: number;
  itemCharacters: number;
}

/** Maximum number of transcripts of an item. */
const maxTranscripts = 64;

const bytesPerMs: Record<AudioFormat['type'], number> = { 'audio/pcm': 48, 'audio/pcmu': 8, 'audio/pcma': 8 };

/**
 * A copy of the conversation on an upstream, without audio, from which another session can be restored. Beyond the
 * limits the oldest items are dropped from the copy; the upstream still has them.
 */
export class ConversationMirror {
  readonly #limits: MirrorLimits;
  readonly #items: MirroredItem[] = [];
  #characters = 0;
  /** Turns with a pending transcription. */
  readonly #awaited = new Set<string>();

  constructor(limits: MirrorLimits) {
    this.#limits = limits;
  }

  get items(): readonly MirroredItem[] {
    return this.#items;
  }

  find(itemId: string): MirroredItem | undefined {
    return this.#items.findLast(({ id }) => id === itemId);
  }

  get awaitsTranscript(): boolean {
    return this.#awaited.size > 0;
  }

  /** Returns the items with pending transcriptions and clears the list. */
  takeAwaited(): string[] {
    const ids = [...this.#awaited];
    this.#awaited.clear();
    return ids;
  }

  /** Records a new item of the conversation, including fields that the core does not know. */
  observeItem(event: UpstreamEvent): void {
    const { item, previous_item_id: previousId } = event;
    if (!isJsonObject(item) || typeof item.id !== 'string') return;
    const known = this.find(item.id);
    const characters = jsonLength(item);
    if (known) {
      const before = jsonLength(known.item);
      known.item = item;
      this.#resize(known, characters - before);
    } else {
      const at = typeof previousId === 'string' ? this.#items.findLastIndex(({ id }) => id === previousId) + 1 : -1;
      // Null means the head; an unknown item precedes all known ones.
      const place = previousId === undefined ? this.#items.length : Math.max(0, at);
      const entry = { id: item.id, item, transcripts: new Map(), audioMs: 0, heardMs: undefined, characters };
      this.#items.splice(place, 0, entry);
      this.#characters += characters;
      this.#bound();
    }
  }

  /** Records other information about items in an event. `format` is that of audio in it. */
  observe(event: ServerEvent, { format, transcribes }: { format: AudioFormat; transcribes: boolean }): void {
    switch (event.type) {
      case 'conversation.item.deleted':
        return this.forget(event.item_id);
      case 'conversation.item.truncated': {
        const entry = this.find(event.item_id);
        if (entry) entry.heardMs = Math.min(entry.heardMs ?? Number.POSITIVE_INFINITY, event.audio_end_ms);
        return;
      }
      case 'response.output_audio.delta': {
        const entry = this.find(event.item_id);
        if (entry) entry.audioMs += (event.delta.length * 3) / 4 / bytesPerMs[format.type];
        return;
      }
      case 'input_audio_buffer.committed':
        if (transcribes && this.#awaited.size < this.#limits.items) this.#awaited.add(event.item_id);
        return;
      case 'conversation.item.input_audio_transcription.completed':
        this.#awaited.delete(event.item_id);
        return this.#transcribed(event);
      case 'conversation.item.input_audio_transcription.failed':
        this.#awaited.delete(event.item_id);
        return;
    }
  }

  forget(itemId: string): void {
    const at = this.#items.findLastIndex(({ id }) => id === itemId);
    const [entry] = at < 0 ? [] : this.#items.splice(at, 1);
    if (entry) this.#characters -= entry.characters;
    this.#awaited.delete(itemId);
  }

  #transcribed(event: ServerEventOf<'conversation.item.input_audio_transcription.completed'>): void {
    const { content_index: index, transcript } = event;
    const entry = this.find(event.item_id);
    if (!entry) return;
    const before = entry.transcripts.get(index);
    if (before === undefined && entry.transcripts.size >= maxTranscripts) return;
    entry.transcripts.set(index, transcript);
    this.#resize(entry, transcript.length - (before?.length ?? 0));
  }

  #resize(entry: MirroredItem, characters: number): void {
    entry.characters += characters;
    this.#characters += characters;
    this.#bound();
  }

  #bound(): void {
    const { items, itemCharacters } = this.#limits;
    while (this.#items.length > items || (this.#characters > itemCharacters && this.#items.length > 1)) {
      this.forget(this.#items[0]?.id ?? '');
    }
  }
}
