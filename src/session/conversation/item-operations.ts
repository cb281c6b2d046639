import type { AudioClip } from '../../audio/audio-clip.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ClientEventOf } from '../../protocol/wire/client-events.ts';
import { copyItem, type Item, type ResponseInputItem } from '../../protocol/wire/items.ts';
import type { UnsentEvent } from '../../protocol/wire/server-events.ts';
import type { RealtimeConfig } from '../../protocol/wire/session-config.ts';
import type { Transcription } from '../input/transcription.ts';
import type { SessionTools } from '../settings.ts';
import type { AudioRetention } from './audio-retention.ts';
import { type Conversation, type ConversationEntry, charactersOf, type Position } from './conversation.ts';
import { type DecodedAudio, itemFromClient, retrievedItem } from './item-audio.ts';
import { UserAudio } from './user-audio.ts';

interface Host {
  tools: SessionTools;
  conversation: Conversation;
  retention: AudioRetention;
  transcription: Transcription;
  config(): RealtimeConfig;
  /** What the client asked of transcription; null: it gets no events of it. */
  transcriptionSetting(): RealtimeConfig['audio']['input']['transcription'];
  emit(event: UnsentEvent): void;
  /** The listener has stopped before the end of what was sent. */
  playbackStopped(): void;
  /** An item is about to be deleted: whoever still makes it lets go of it. */
  release(itemId: string): void;
}

/** What clients and turns do to the conversation's items, and the events that tell of it. Refusals are `WireError`s. */
export class ItemOperations {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** @throws {WireError} when the conversation is full */
  requireRoom(): void {
    const { items } = this.#host.tools.settings.limits;
    if (this.#host.conversation.entries.length >= items) throw wireErrors.tooManyItems(items);
  }

  create({ item: input, previous_item_id }: ClientEventOf<'conversation.item.create'>, decoded: DecodedAudio): void {
    const { tools, conversation, config } = this.#host;
    if (input.type === 'function_call_output' && !this.#hasCall(input.call_id))
      throw wireErrors.unknownCall(input.call_id);
    const { item, audio } = itemFromClient(input, {
      format: config().audio.input.format,
      ids: tools.ids,
      path: 'item',
      decoded,
    });
    const { itemCharacters } = tools.settings.limits;
    if (conversation.characters + charactersOf(item) > itemCharacters) {
      throw wireErrors.tooManyCharacters(itemCharacters);
    }
    const position: Position =
      previous_item_id === 'root' ? 'head' : previous_item_id ? { after: previous_item_id } : 'end';
    const entry = this.#add(item, position);
    for (const [index, clip] of audio) this.#hear(entry, index, clip, clip);
  }

  /** Makes an item of audio from the input buffer. `speech`: what of it is worth transcribing. */
  commit(itemId: string, clip: AudioClip, speech: AudioClip): UserAudio {
    this.requireRoom();
    const { conversation, emit } = this.#host;
    emit({ type: 'input_audio_buffer.committed', previous_item_id: conversation.lastId, item_id: itemId });
    const entry = this.#add(
      {
        id: itemId,
        object: 'realtime.item',
        type: 'message',
        status: 'completed',
        role: 'user',
        content: [{ type: 'input_audio', transcript: null }],
      },
      'end',
    );
    return this.#hear(entry, 0, clip, speech);
  }

  truncate({ item_id, content_index, audio_end_ms }: ClientEventOf<'conversation.item.truncate'>): void {
    const { tools, conversation, retention } = this.#host;
    const entry = conversation.find(item_id);
    if (!entry) throw wireErrors.truncateUnknownItem(item_id);
    const spoken = entry.spoken.get(content_index);
    if (!spoken || entry.item.type !== 'message') throw wireErrors.truncateWrongContent();
    const sentMs = Math.floor(spoken.durationMs);
    if (audio_end_ms > sentMs && tools.settings.strictTruncation) {
      throw wireErrors.truncateBeyondAudio(sentMs, audio_end_ms);
    }
    const endMs = Math.min(audio_end_ms, sentMs);
    spoken.cut(endMs);
    retention.keep(spoken);
    if (endMs < sentMs) this.#host.playbackStopped();
    const part = entry.item.content[content_index];
    if (part?.type === 'output_audio') part.transcript = spoken.transcript;
    conversation.touch();
    this.#host.emit({ type: 'conversation.item.truncated', item_id, content_index, audio_end_ms: endMs });
  }

  delete(itemId: string): void {
    const { conversation, retention } = this.#host;
    const entry = conversation.find(itemId);
    if (!entry) throw wireErrors.deleteUnknownItem(itemId);
    this.#host.release(itemId);
    for (const audio of [...entry.heard.values(), ...entry.spoken.values()]) retention.remove(audio);
    conversation.remove(itemId);
    this.#host.emit({ type: 'conversation.item.deleted', item_id: itemId });
  }

  async retrieve(itemId: string): Promise<void> {
    const entry = this.#host.conversation.find(itemId);
    if (!entry) throw wireErrors.retrieveUnknownItem(itemId);
    this.#host.emit({ type: 'conversation.item.retrieved', item: await retrievedItem(entry) });
  }

  /**
   * The entries of a response's own `input`.
   * @throws {WireError} when an item is unknown, or they are too large together
   */
  resolveInput(input: readonly ResponseInputItem[], decoded: DecodedAudio = new Map()): ConversationEntry[] {
    const { contextCharacters } = this.#host.tools.settings.limits;
    let characters = 0;
    return input.map((item, index) => {
      const entry = this.#resolve(item, `response.input[${index}]`, decoded);
      characters += charactersOf(entry.item);
      if (characters > contextCharacters) throw wireErrors.inputTooLarge(contextCharacters);
      return entry;
    });
  }

  /** An entry for an item of a response's own `input`, which need not be in the conversation: referred to, or given. */
  #resolve(input: ResponseInputItem, path: string, decoded: DecodedAudio): ConversationEntry {
    const { tools, conversation, transcription, config } = this.#host;
    if (input.type === 'item_reference') {
      const entry = conversation.find(input.id);
      if (!entry) throw wireErrors.invalid(`${path}.id`, `Item with id '${input.id}' not found in the conversation.`);
      return entry;
    }
    const { format } = config().audio.input;
    const { item, audio } = itemFromClient(input, { format, ids: tools.ids, path, decoded });
    const entry: ConversationEntry = { item, heard: new Map(), spoken: new Map() };
    for (const [contentIndex, clip] of audio) {
      const heard = new UserAudio(clip, format, (speech) =>
        transcription.start({ entry, contentIndex, heard, clip: speech, setting: null }),
      );
      entry.heard.set(contentIndex, heard);
      if (!tools.engines.languageModel.hearsAudio) heard.transcribe();
    }
    return entry;
  }

  #add(item: Item, position: Position): ConversationEntry {
    this.requireRoom();
    const { conversation, emit } = this.#host;
    const entry = conversation.insert(item, position);
    const previous_item_id = conversation.previousId(item.id);
    emit({ type: 'conversation.item.added', previous_item_id, item: copyItem(item) });
    emit({ type: 'conversation.item.done', previous_item_id, item: copyItem(item) });
    return entry;
  }

  /** Keeps a user's audio, and has it transcribed for whoever needs its words: the client, and a model that hears nothing. */
  #hear(entry: ConversationEntry, contentIndex: number, clip: AudioClip, speech: AudioClip): UserAudio {
    const { tools, retention, transcription, config, transcriptionSetting } = this.#host;
    const { format } = config().audio.input;
    const setting = transcriptionSetting();
    const logprobs = config().include?.includes('item.input_audio_transcription.logprobs') ?? false;
    const heard = new UserAudio(clip, format, (part) =>
      transcription.start({ entry, contentIndex, heard, clip: part, setting, logprobs }),
    );
    entry.heard.set(contentIndex, heard);
    if (setting || !tools.engines.languageModel.hearsAudio) heard.transcribe(speech);
    retention.keep(heard);
    return heard;
  }

  #hasCall(callId: string): boolean {
    return this.#host.conversation.entries.some(({ item }) => item.type === 'function_call' && item.call_id === callId);
  }
}
