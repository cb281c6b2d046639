/** The output items of a response: their growth and their destination. */

import { type AssistantMessage, copyItem, type FunctionCallItem, type Item } from '../../protocol/wire/items.ts';
import type { McpCallItem } from '../../protocol/wire/mcp-items.ts';
import type { ContentPart } from '../../protocol/wire/server-events.ts';
import { type AudioFormat, formatRateHz } from '../../protocol/wire/session-config.ts';
import type { WordsEvent } from '../../protocol/wire/words.ts';
import type { Position } from '../conversation/conversation.ts';
import { SpokenAudio } from '../conversation/spoken-audio.ts';
import type { OutputAudio, Playback } from '../ports/playback.ts';
import type { WordTiming } from '../ports/voice.ts';
import type { SessionCore } from '../session-core.ts';
import type { SpokenWord } from '../speech/mapped-text.ts';
import { ModelledPlayback } from './playback.ts';

type Emitter = Pick<SessionCore, 'emit' | 'emitAudio' | 'emitExtension'>;

export interface OutputMessageOptions {
  item: AssistantMessage;
  outputIndex: number;
  responseId: string;
  format: AudioFormat;
  playback: Playback;
  /** The audio of its parts, by content index. */
  spoken: Map<number, SpokenAudio>;
}

interface Part {
  contentIndex: number;
  text: string;
  /** Absent in a text part. */
  spoken?: SpokenAudio;
}

/** An assistant's message that is being sent: opens its part with the first words, and emits its additions. */
export class OutputMessage {
  readonly item: AssistantMessage;
  readonly outputIndex: number;
  readonly #core: Emitter;
  readonly #options: OutputMessageOptions;
  #part: Part | undefined;
  #wordsEvents = 0;

  constructor(core: Emitter, options: OutputMessageOptions) {
    this.#core = core;
    this.#options = options;
    this.item = options.item;
    this.outputIndex = options.outputIndex;
  }

  sendText(delta: string): void {
    const part = this.#open(false);
    part.text += delta;
    this.item.content[part.contentIndex] = { type: 'output_text', text: part.text };
    this.#core.emit({ type: 'response.output_text.delta', ...this.#at(part), delta });
  }

  /** Sends the text of a clause, ahead of its audio, with those of its words that are spoken. */
  sendClause(delta: string, words: readonly SpokenWord[]): void {
    this.#sendTranscript(delta, (spoken) => spoken.beginClause(delta, words));
  }

  /** Sends the next words of a model that produces audio itself; their audio follows. */
  sendWords(delta: string): void {
    this.#sendTranscript(delta, (spoken) => spoken.addWords(delta));
  }

  #sendTranscript(delta: string, note: (spoken: SpokenAudio) => void): void {
    const part = this.#open(true);
    const startChar = part.text.length;
    part.text += delta;
    if (part.spoken) note(part.spoken);
    const transcript = part.spoken?.transcript ?? part.text;
    this.item.content[part.contentIndex] = { type: 'output_audio', transcript };
    this.#core.emit({ type: 'response.output_audio_transcript.delta', ...this.#at(part), delta });
    this.#sendWordStarts(part, [{ startChar, startMs: part.spoken?.durationMs ?? 0 }]);
  }

  /** Sends audio of the last clause, at the format's rate; returns the part's `SpokenAudio`. */
  sendAudio(samples: Int16Array, words: readonly WordTiming[] | undefined): SpokenAudio | undefined {
    const part = this.#open(true);
    const timed = part.spoken?.append(samples, words) ?? [];
    const { format, playback, responseId } = this.#options;
    const audio: OutputAudio = {
      responseId,
      itemId: this.item.id,
      outputIndex: this.outputIndex,
      contentIndex: part.contentIndex,
      samples,
      sampleRateHz: formatRateHz(format),
      format,
    };
    playback.play(audio);
    this.#core.emitAudio(audio);
    if (timed.length > 0) this.#sendWordStarts(part, timed);
    return part.spoken;
  }

  /** Closes its part. `whole`: whether it is complete. */
  end(whole: boolean): void {
    const part = this.#part;
    if (!part) return;
    const at = this.#at(part);
    if (part.spoken) {
      if (whole) part.spoken.complete();
      // Words without audio cannot have been heard.
      else part.spoken.interrupt(part.spoken.durationMs);
      const { transcript, durationMs: startMs } = part.spoken.heard;
      this.#sendWordStarts(part, [{ startChar: transcript.length, startMs }]);
      this.#core.emit({ type: 'response.output_audio.done', ...at });
      this.#core.emit({ type: 'response.output_audio_transcript.done', ...at, transcript: part.text });
    } else {
      this.#core.emit({ type: 'response.output_text.done', ...at, text: part.text });
    }
    this.#core.emit({ type: 'response.content_part.done', ...at, part: wirePart(part) });
  }

  #sendWordStarts(part: Part, starts: readonly Pick<WordTiming, 'startChar' | 'startMs'>[]): void {
    if (part.spoken?.isCut) return;
    const { output_index: _, ...at } = this.#at(part);
    const event: WordsEvent = {
      type: 'parley.words',
      // Not from the session's source of ids: an extension must not change the ids of other events.
      event_id: `words_${this.item.id}_${this.#wordsEvents++}`,
      ...at,
      words: starts.map(({ startChar, startMs }) => ({ start_char: startChar, audio_start_ms: Math.round(startMs) })),
    };
    this.#core.emitExtension('words', event);
  }

  #open(audio: boolean): Part {
    if (this.#part) return this.#part;
    const part: Part = { contentIndex: this.item.content.length, text: '' };
    if (audio) {
      part.spoken = new SpokenAudio(this.#options.format);
      this.#options.spoken.set(part.contentIndex, part.spoken);
      this.item.content.push({ type: 'output_audio', transcript: '' });
    } else {
      this.item.content.push({ type: 'output_text', text: '' });
    }
    this.#part = part;
    this.#core.emit({ type: 'response.content_part.added', ...this.#at(part), part: wirePart(part) });
    return part;
  }

  #at(part: Part) {
    return {
      response_id: this.#options.responseId,
      item_id: this.item.id,
      output_index: this.outputIndex,
      content_index: part.contentIndex,
    };
  }
}

function wirePart(part: Part): ContentPart {
  return part.spoken ? { type: 'audio', transcript: part.text } : { type: 'text', text: part.text };
}

/** The id of a function call, which is always set by the server. */
export type MadeCall = FunctionCallItem & { call_id: string };

export interface OutputCallOptions {
  item: MadeCall;
  outputIndex: number;
  responseId: string;
}

/** A function call that is being sent. */
export class OutputCall {
  readonly item: MadeCall;
  readonly outputIndex: number;
  readonly #core: Emitter;
  readonly #options: OutputCallOptions;

  constructor(core: Emitter, options: OutputCallOptions) {
    this.#core = core;
    this.#options = options;
    this.item = options.item;
    this.outputIndex = options.outputIndex;
  }

  sendArguments(delta: string): void {
    this.item.arguments += delta;
    this.#core.emit({ type: 'response.function_call_arguments.delta', ...this.#at(), delta });
  }

  /** An incomplete call has no `arguments.done`, on which a client would run the tool (docs/protocol.md §3c). */
  end(whole: boolean): void {
    if (!whole) return;
    if (this.item.arguments.trim() === '') this.item.arguments = '{}';
    const { name, arguments: all } = this.item;
    this.#core.emit({ type: 'response.function_call_arguments.done', ...this.#at(), name, arguments: all });
  }

  #at() {
    return {
      response_id: this.#options.responseId,
      item_id: this.item.id,
      output_index: this.outputIndex,
      call_id: this.item.call_id,
    };
  }
}

/** A call of a server-side tool that is being sent; `ToolCalls` runs it. */
export class OutputServerCall {
  readonly item: McpCallItem;
  readonly outputIndex: number;
  readonly responseId: string;
  readonly #core: Emitter;

  constructor(
    core: Emitter,
    { item, outputIndex, responseId }: Omit<OutputCallOptions, 'item'> & { item: McpCallItem },
  ) {
    this.#core = core;
    this.item = item;
    this.outputIndex = outputIndex;
    this.responseId = responseId;
  }

  sendArguments(delta: string): void {
    this.item.arguments += delta;
    this.#core.emit({ type: 'response.mcp_call_arguments.delta', ...this.#at(), delta, obfuscation: '' });
  }

  /** An incomplete call has no `arguments.done`, as in `OutputCall`. */
  end(whole: boolean): void {
    if (!whole) return;
    if (this.item.arguments.trim() === '') this.item.arguments = '{}';
    this.#core.emit({ type: 'response.mcp_call_arguments.done', ...this.#at(), arguments: this.item.arguments });
  }

  #at() {
    return { response_id: this.responseId, item_id: this.item.id, output_index: this.outputIndex };
  }
}

/** The destination of the output items of one response. */
export interface OutputTarget {
  /** Null outside the conversation. */
  readonly conversationId: string | null;
  /** Schedules its audio, and knows the playback position. */
  readonly playback: Playback;
  /** Adds an item that has started; returns the map for the audio of its parts, by content index. */
  add(item: Item): Map<number, SpokenAudio>;
  /** Call when an item is complete. */
  complete(item: Item): void;
  /** Call when a part's audio has grown: it is stored or dropped. */
  keep(audio: SpokenAudio): void;
}

/** The conversation: output items follow its last item at the time when the response was created. */
export class ConversationTarget implements OutputTarget {
  readonly conversationId: string;
  readonly playback: Playback;
  readonly #core: SessionCore;
  /** The predecessor of the next item; null for the head. */
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

  /** Call when an item of the conversation is about to be deleted. */
  release(itemId: string): void {
    if (this.#previousId === itemId) this.#previousId = this.#core.conversation.previousId(itemId);
  }

  #emit(type: 'conversation.item.added' | 'conversation.item.done', item: Item): void {
    const previous_item_id = this.#core.conversation.previousId(item.id);
    this.#core.emit({ type, previous_item_id, item: copyItem(item) });
  }
}

/** Outside the conversation: items are only sent to the client, and their audio cannot be retrieved. */
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
