import type { AudioClip } from '../../audio/audio-clip.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ClientEventOf } from '../../protocol/wire/client-events.ts';
import { copyItem, type Item, type ResponseInputItem } from '../../protocol/wire/items.ts';
import { transcriptionRequest } from '../input/transcriber-request.ts';
import type { Transcription } from '../input/transcription.ts';
import type { PlayedPart } from '../ports/playback.ts';
import type { SessionCore } from '../session-core.ts';
import { type ConversationEntry, charactersOf, type Position } from './conversation.ts';
import { type DecodedAudio, itemFromClient, itemWithAudio } from './item-audio.ts';
import { UserAudio } from './user-audio.ts';

/**
 * The operations of clients and turns on the conversation's items, and their events. They refuse with a `WireError`.
 */
export class ItemOperations {
  readonly #core: SessionCore;
  readonly #transcription: Transcription;
  readonly #deleting: (itemId: string) => () => void;
  #hasClamped = false;

  /** `deleting` is called just before an item is deleted, and returns what is to be called afterwards. */
  constructor(core: SessionCore, transcription: Transcription, deleting: (itemId: string) => () => void) {
    this.#core = core;
    this.#transcription = transcription;
    this.#deleting = deleting;
  }

  /** @throws {WireError} when the conversation is full */
  requireRoom(): void {
    const { items } = this.#core.settings.limits;
    if (this.#core.conversation.entries.length >= items) throw wireErrors.tooManyItems(items);
  }

  create({ item: input, previous_item_id }: ClientEventOf<'conversation.item.create'>, decoded: DecodedAudio): void {
    const { ids, settings, conversation, config } = this.#core;
    if (input.type === 'function_call_output' && conversation.callsById(input.call_id).length === 0)
      throw wireErrors.unknownCall(input.call_id);
    const { item, audio } = itemFromClient(input, { format: config.audio.input.format, ids, path: 'item', decoded });
    const { itemCharacters } = settings.limits;
    if (conversation.characters + charactersOf(item) > itemCharacters) {
      throw wireErrors.tooManyCharacters(itemCharacters);
    }
    const position: Position =
      previous_item_id === 'root' ? 'head' : previous_item_id ? { after: previous_item_id } : 'end';
    const entry = this.#add(item, position);
    for (const [index, clip] of audio) this.#hear(entry, index, clip, clip);
  }

  /** Creates an item of audio from the input buffer. `speech`: the part of it to transcribe. */
  commit(itemId: string, clip: AudioClip, speech: AudioClip): UserAudio {
    this.requireRoom();
    const { conversation } = this.#core;
    this.#core.emit({ type: 'input_audio_buffer.committed', previous_item_id: conversation.lastId, item_id: itemId });
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
    const { settings, conversation, retention } = this.#core;
    const entry = conversation.find(item_id);
    if (!entry) throw wireErrors.truncateUnknownItem(item_id);
    const spoken = entry.spoken.get(content_index);
    if (!spoken || entry.item.type !== 'message') throw wireErrors.truncateWrongContent();
    const sentMs = Math.floor(spoken.durationMs);
    if (audio_end_ms > sentMs) {
      if (settings.strictTruncation) throw wireErrors.truncateBeyondAudio(sentMs, audio_end_ms);
      if (!this.#hasClamped) this.#core.observers.publish({ type: 'truncation_clamped' });
      this.#hasClamped = true;
    }
    const endMs = Math.min(audio_end_ms, sentMs);
    spoken.cut(endMs);
    retention.keep(spoken);
    if (endMs < sentMs) this.#stopPlayback();
    const part = entry.item.content[content_index];
    if (part?.type === 'output_audio') part.transcript = spoken.transcript;
    conversation.touch();
    this.#core.emit({ type: 'conversation.item.truncated', item_id, content_index, audio_end_ms: endMs });
  }

  /**
   * The user has interrupted: the remaining audio is not played. If playback is measured, its item is truncated there.
   */
  interrupt(): void {
    const stopped = this.#stopPlayback();
    if (!stopped || !this.#core.playback.isMeasured) return;
    const { itemId, contentIndex, playedMs } = stopped;
    if (!this.#core.conversation.find(itemId)?.spoken.has(contentIndex)) return;
    const type = 'conversation.item.truncate';
    this.truncate({ type, item_id: itemId, content_index: contentIndex, audio_end_ms: Math.floor(playedMs) });
  }

  /** Drops the audio that has not been played: of its words, models only get those that were heard. */
  #stopPlayback(): PlayedPart | undefined {
    const { playback, conversation } = this.#core;
    for (const { item, spoken } of conversation.entries) {
      for (const [contentIndex, audio] of spoken) {
        const playedMs = playback.positionMs(item.id, contentIndex);
        if (playedMs === undefined || playedMs >= audio.durationMs) continue;
        audio.interrupt(playedMs);
        conversation.touch();
      }
    }
    return playback.interrupt();
  }

  delete(itemId: string): void {
    const { conversation, retention } = this.#core;
    const entry = conversation.find(itemId);
    if (!entry) throw wireErrors.deleteUnknownItem(itemId);
    const deleted = this.#deleting(itemId);
    for (const audio of [...entry.heard.values(), ...entry.spoken.values()]) retention.remove(audio);
    conversation.remove(itemId);
    this.#core.emit({ type: 'conversation.item.deleted', item_id: itemId });
    deleted();
  }

  async retrieve(itemId: string): Promise<void> {
    const entry = this.#core.conversation.find(itemId);
    if (!entry) throw wireErrors.retrieveUnknownItem(itemId);
    const coded = itemWithAudio(entry);
    await this.#core.emitCoded(async (codec) => ({ type: 'conversation.item.retrieved', item: await coded(codec) }));
  }

  /**
   * The entries of a response's own `input`.
   * @throws {WireError} when an item is unknown, an output has no call, or there are too many items or characters
   */
  resolveInput(input: readonly ResponseInputItem[], decoded: DecodedAudio = new Map()): ConversationEntry[] {
    const { items, contextCharacters } = this.#core.settings.limits;
    if (input.length > items) {
      throw wireErrors.wrongLength('response.input', { kind: 'array', side: 'max', limit: items, got: input.length });
    }
    let characters = 0;
    const entries = input.map((item, index) => {
      const entry = this.#resolve(item, `response.input[${index}]`, decoded);
      characters += charactersOf(entry.item);
      if (characters > contextCharacters) throw wireErrors.inputTooLarge(contextCharacters);
      return entry;
    });
    const calls = new Set(entries.map(({ item }) => (item.type === 'function_call' ? item.call_id : undefined)));
    for (const [index, { item }] of entries.entries()) {
      if (item.type !== 'function_call_output' || calls.has(item.call_id)) continue;
      throw wireErrors.callNotInInput(`response.input[${index}].call_id`, item.call_id);
    }
    return entries;
  }

  /** An entry for an item of a response's own `input`: a reference, or an item that need not be in the conversation. */
  #resolve(input: ResponseInputItem, path: string, decoded: DecodedAudio): ConversationEntry {
    const { ids, engines, conversation, config } = this.#core;
    if (input.type === 'item_reference') {
      const entry = conversation.find(input.id);
      if (!entry) throw wireErrors.unknownReference(`${path}.id`, input.id);
      return entry;
    }
    const { format } = config.audio.input;
    const { item, audio } = itemFromClient(input, { format, ids, path, decoded });
    const entry: ConversationEntry = { item, heard: new Map(), spoken: new Map() };
    for (const [contentIndex, clip] of audio) {
      const heard = new UserAudio(clip, format, (speech) =>
        this.#transcription.start({ entry, contentIndex, heard, clip: speech, setting: null, logprobs: false }),
      );
      entry.heard.set(contentIndex, heard);
      if (!engines.languageModel.hearsAudio) heard.transcribe();
    }
    return entry;
  }

  #add(item: Item, position: Position): ConversationEntry {
    this.requireRoom();
    const { conversation } = this.#core;
    const entry = conversation.insert(item, position);
    const previous_item_id = conversation.previousId(item.id);
    this.#core.emit({ type: 'conversation.item.added', previous_item_id, item: copyItem(item) });
    this.#core.emit({ type: 'conversation.item.done', previous_item_id, item: copyItem(item) });
    return entry;
  }

  /** Stores a user's audio, and has it transcribed if the client or the model needs the transcript. */
  #hear(entry: ConversationEntry, contentIndex: number, clip: AudioClip, speech: AudioClip): UserAudio {
    const { engines, retention, config } = this.#core;
    const request = transcriptionRequest(this.#core);
    const heard = new UserAudio(clip, config.audio.input.format, (part) =>
      this.#transcription.start({ entry, contentIndex, heard, clip: part, ...request }),
    );
    entry.heard.set(contentIndex, heard);
    if (request.setting || !engines.languageModel.hearsAudio) heard.transcribe(speech);
    retention.keep(heard);
    return heard;
  }
}
