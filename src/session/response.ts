import { durationMs, samplesIn } from '../audio/pcm.ts';
import type { AssistantMessage, FunctionCallItem, Item, ItemStatus } from '../protocol/items.ts';
import type {
  ContentPart,
  ResponseResource,
  ResponseStatus,
  StatusDetails,
  UnsentEvent,
  Usage,
} from '../protocol/server-events.ts';
import type { AudioFormat, Modality } from '../protocol/session-config.ts';
import type { Entry } from './conversation.ts';
import type { Generation, GenerationEvent } from './generation.ts';
import type { Pacer } from './pacer.ts';
import type { ModelUsage, WordTiming } from './ports.ts';
import type { SessionTools } from './settings.ts';
import { SpokenAudio } from './spoken-audio.ts';
import { StageError } from './stage.ts';
import { responseUsage } from './usage.ts';
import { encodeAudio, formatRateHz } from './wire-audio.ts';

/** The longest stretch of audio that one event carries. */
const maxDeltaMs = 200;

export interface ResponseOptions {
  modality: Modality;
  format: AudioFormat;
  voice: string;
  maxOutputTokens: number | 'inf';
  metadata: Record<string, string> | null;
  temperature?: number;
  /** Null for a response outside the conversation. */
  conversationId: string | null;
}

/** What a response needs from the session that it runs in. */
export interface ResponseHost {
  tools: SessionTools;
  pacer: Pacer;
  emit(event: UnsentEvent): void;
  /** Adds an output item to the conversation, announces it there, and returns its entry; not called out of band. */
  addItem(item: Item): Entry;
  /** Announces that an output item is complete in the conversation; not called out of band. */
  itemDone(item: Item): void;
  /** A part's audio has grown: it may be kept, or dropped. */
  keep(audio: SpokenAudio): void;
  ended(response: Response): void;
}

interface OpenPart {
  contentIndex: number;
  text: string;
  /** Absent in a text part. */
  spoken?: SpokenAudio;
}
interface OpenMessage {
  item: AssistantMessage;
  outputIndex: number;
  spoken: Map<number, SpokenAudio>;
  part?: OpenPart;
}
interface OpenCall {
  item: FunctionCallItem & { call_id: string };
  outputIndex: number;
}
type Ending = Exclude<ResponseStatus, 'in_progress'>;

/** When audio and words first left, on the Clock. */
export interface ResponseTimes {
  createdAt: number;
  firstAudioSentAt?: number;
  endedAt?: number;
}

/**
 * One response on the wire: it has ids and states, numbers items and parts, and emits, in the order of docs/protocol.md §3,
 * what its generation makes. It ends exactly once: completed, incomplete, cancelled or failed.
 */
export class Response {
  readonly id: string;
  readonly options: ResponseOptions;
  readonly times: ResponseTimes;
  /** Its generation, once it has one. */
  generation: Generation | undefined;
  readonly #host: ResponseHost;
  readonly #abort = new AbortController();
  readonly #output: Item[] = [];
  #status: ResponseStatus = 'in_progress';
  #details: StatusDetails | null = null;
  #message: OpenMessage | undefined;
  #call: OpenCall | undefined;
  #outputCharacters = 0;
  #outputAudioMs = 0;
  #usage: Usage | null = null;

  constructor(options: ResponseOptions, host: ResponseHost) {
    this.id = host.tools.ids('resp');
    this.options = options;
    this.#host = host;
    this.times = { createdAt: host.tools.clock.now() };
  }

  get active(): boolean {
    return this.#status === 'in_progress';
  }

  get status(): ResponseStatus {
    return this.#status;
  }

  /** The ids of its output items so far. */
  get itemIds(): string[] {
    return this.#output.map((item) => item.id);
  }

  /** Announces the response, then sends what its generation makes until it ends or is cancelled. Never rejects. */
  async run(prepare: (signal: AbortSignal) => Promise<Generation>): Promise<void> {
    this.#host.emit({ type: 'response.created', response: this.#resource() });
    try {
      this.generation = await prepare(this.#abort.signal);
      if (!this.active) return this.generation.abort();
      await this.#send(this.generation);
    } catch (error) {
      if (this.active) this.#fail(error);
    }
  }

  /** Stops every stage and ends the response; nothing of it is sent afterwards. */
  cancel(reason: 'turn_detected' | 'client_cancelled'): void {
    if (this.active) this.#end('cancelled', { type: 'cancelled', reason }, undefined);
  }

  async #send(generation: Generation): Promise<void> {
    let modelUsage: ModelUsage | undefined;
    let reason: Extract<GenerationEvent, { type: 'finish' }>['reason'] = 'stop';
    for await (const event of generation) {
      if (!this.active) return;
      if (event.type === 'finish') {
        modelUsage = event.usage;
        reason = event.reason;
      } else if (event.type === 'audio') {
        await this.#sendAudio(event.samples, event.words);
      } else {
        this.#sendPiece(event);
      }
    }
    if (!this.active) return;
    if (reason === 'stop') return this.#end('completed', { type: 'completed' }, modelUsage);
    const why = reason === 'length' ? 'max_output_tokens' : 'content_filter';
    this.#end('incomplete', { type: 'incomplete', reason: why }, modelUsage);
  }

  #sendPiece(event: Exclude<GenerationEvent, { type: 'finish' | 'audio' }>): void {
    switch (event.type) {
      case 'text':
        return this.#sendText(event.text);
      case 'clause':
        return this.#sendClause(event.text);
      case 'call':
        return this.#openCall(event.name, event.callId);
      case 'call_arguments':
        return this.#sendArguments(event.delta);
      case 'call_end':
        return this.#closeCall('completed');
    }
  }

  // ---- Messages ----

  #sendText(delta: string): void {
    if (delta === '') return;
    const { message, part } = this.#openPart(false);
    part.text += delta;
    this.#outputCharacters += delta.length;
    message.item.content[part.contentIndex] = { type: 'output_text', text: part.text };
    this.#host.emit({ type: 'response.output_text.delta', ...this.#at(message, part), delta });
  }

  #sendClause(delta: string): void {
    const { message, part } = this.#openPart(true);
    part.text += delta;
    this.#outputCharacters += delta.length;
    part.spoken?.beginClause(delta);
    message.item.content[part.contentIndex] = {
      type: 'output_audio',
      transcript: part.spoken?.transcript ?? part.text,
    };
    this.#host.emit({ type: 'response.output_audio_transcript.delta', ...this.#at(message, part), delta });
  }

  async #sendAudio(samples: Int16Array, words: readonly WordTiming[] | undefined): Promise<void> {
    const { format } = this.options;
    const rateHz = formatRateHz(format);
    const step = samplesIn(maxDeltaMs, rateHz);
    for (let start = 0; start < samples.length; start += step) {
      const piece = samples.subarray(start, start + step);
      const pieceMs = durationMs(piece.length, rateHz);
      await this.#host.pacer.admit(pieceMs, this.#abort.signal);
      if (!this.active) return;
      const { message, part } = this.#openPart(true);
      if (part.spoken) {
        part.spoken.append(piece, words);
        this.#host.keep(part.spoken);
      }
      this.#outputAudioMs += pieceMs;
      this.times.firstAudioSentAt ??= this.#host.tools.clock.now();
      const delta = encodeAudio(piece, format);
      this.#host.emit({ type: 'response.output_audio.delta', ...this.#at(message, part), delta });
    }
  }

  /** The message and part that words go to, opened if need be. */
  #openPart(audio: boolean): { message: OpenMessage; part: OpenPart } {
    this.#message ??= this.#openMessage();
    const message = this.#message;
    message.part ??= this.#openNextPart(message, audio);
    return { message, part: message.part };
  }

  #openMessage(): OpenMessage {
    const item: AssistantMessage = {
      id: this.#host.tools.ids('item'),
      object: 'realtime.item',
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    };
    const { outputIndex, entry } = this.#announceItem(item);
    return { item, outputIndex, spoken: entry?.spoken ?? new Map() };
  }

  #openNextPart(message: OpenMessage, audio: boolean): OpenPart {
    const contentIndex = message.item.content.length;
    const part: OpenPart = { contentIndex, text: '' };
    if (audio) {
      part.spoken = new SpokenAudio(this.options.format);
      message.spoken.set(contentIndex, part.spoken);
      message.item.content.push({ type: 'output_audio', transcript: '' });
    } else {
      message.item.content.push({ type: 'output_text', text: '' });
    }
    this.#host.emit({ type: 'response.content_part.added', ...this.#at(message, part), part: wirePart(part) });
    return part;
  }

  #closeMessage(status: ItemStatus): void {
    const message = this.#message;
    if (!message) return;
    this.#message = undefined;
    if (message.part) this.#closePart(message, message.part);
    this.#finishItem(message.item, message.outputIndex, status);
  }

  #closePart(message: OpenMessage, part: OpenPart): void {
    const at = this.#at(message, part);
    if (part.spoken) {
      this.#host.emit({ type: 'response.output_audio.done', ...at });
      this.#host.emit({ type: 'response.output_audio_transcript.done', ...at, transcript: part.text });
    } else {
      this.#host.emit({ type: 'response.output_text.done', ...at, text: part.text });
    }
    this.#host.emit({ type: 'response.content_part.done', ...at, part: wirePart(part) });
  }

  #at(message: OpenMessage, part: OpenPart) {
    return {
      response_id: this.id,
      item_id: message.item.id,
      output_index: message.outputIndex,
      content_index: part.contentIndex,
    };
  }

  // ---- Function calls ----

  #openCall(name: string, givenCallId: string | undefined): void {
    this.#closeMessage('completed');
    this.#closeCall('completed');
    const item: OpenCall['item'] = {
      id: this.#host.tools.ids('item'),
      object: 'realtime.item',
      type: 'function_call',
      status: 'in_progress',
      call_id: givenCallId ?? this.#host.tools.ids('call'),
      name,
      arguments: '',
    };
    const { outputIndex } = this.#announceItem(item);
    this.#call = { item, outputIndex };
  }

  #sendArguments(delta: string): void {
    const call = this.#call;
    if (!call || delta === '') return;
    call.item.arguments += delta;
    this.#outputCharacters += delta.length;
    this.#host.emit({ type: 'response.function_call_arguments.delta', ...this.#atCall(call), delta });
  }

  /** A call that is cut short has no `arguments.done`: a client would run the tool on it (docs/protocol.md §3c). */
  #closeCall(status: ItemStatus): void {
    const call = this.#call;
    if (!call) return;
    this.#call = undefined;
    if (status === 'completed') {
      if (call.item.arguments.trim() === '') call.item.arguments = '{}';
      const { name, arguments: whole } = call.item;
      this.#host.emit({ type: 'response.function_call_arguments.done', ...this.#atCall(call), name, arguments: whole });
    }
    this.#finishItem(call.item, call.outputIndex, status);
  }

  #atCall({ item, outputIndex }: OpenCall) {
    return { response_id: this.id, item_id: item.id, output_index: outputIndex, call_id: item.call_id };
  }

  // ---- Items, and the end ----

  #announceItem(item: Item): { outputIndex: number; entry: Entry | undefined } {
    const outputIndex = this.#output.push(item) - 1;
    this.#host.emit({
      type: 'response.output_item.added',
      response_id: this.id,
      output_index: outputIndex,
      item: copyItem(item),
    });
    const entry = this.options.conversationId === null ? undefined : this.#host.addItem(item);
    return { outputIndex, entry };
  }

  #finishItem(item: Item, outputIndex: number, status: ItemStatus): void {
    item.status = status;
    if (this.options.conversationId !== null) this.#host.itemDone(item);
    this.#host.emit({
      type: 'response.output_item.done',
      response_id: this.id,
      output_index: outputIndex,
      item: copyItem(item),
    });
  }

  #fail(error: unknown): void {
    const { tools } = this.#host;
    const staged = error instanceof StageError;
    const message = error instanceof Error ? error.message : String(error);
    tools.log.error('response_failed', { response: this.id, stage: staged ? error.stage : undefined, error: message });
    const code = staged ? error.code : 'internal_error';
    const text = staged ? message : 'The server had an error while making the response.';
    this.#end('failed', { type: 'failed', error: { type: 'server_error', code, message: text } }, undefined);
  }

  #end(status: Ending, details: StatusDetails, modelUsage: ModelUsage | undefined): void {
    const itemStatus = status === 'completed' ? 'completed' : 'incomplete';
    this.#closeMessage(itemStatus);
    this.#closeCall(itemStatus);
    this.#status = status;
    this.#details = details;
    this.#usage = responseUsage({
      snapshot: this.generation?.snapshot ?? { items: [], userAudioMs: 0, assistantAudioMs: 0 },
      instructions: this.generation?.instructions ?? '',
      outputCharacters: this.#outputCharacters,
      outputAudioMs: this.#outputAudioMs,
      model: modelUsage,
    });
    this.times.endedAt = this.#host.tools.clock.now();
    this.generation?.abort();
    this.#abort.abort();
    this.#host.emit({ type: 'response.done', response: this.#resource() });
    this.#host.ended(this);
  }

  #resource(): ResponseResource {
    const { options } = this;
    return {
      object: 'realtime.response',
      id: this.id,
      status: this.#status,
      status_details: this.#details,
      output: this.#output.map(copyItem),
      conversation_id: options.conversationId,
      output_modalities: [options.modality],
      max_output_tokens: options.maxOutputTokens,
      audio: { output: { format: options.format, voice: options.voice } },
      ...(options.temperature !== undefined && { temperature: options.temperature }),
      usage: this.#usage,
      metadata: options.metadata,
    };
  }
}

function wirePart(part: OpenPart): ContentPart {
  return part.spoken ? { type: 'audio', transcript: part.text } : { type: 'text', text: part.text };
}

/** Events hold copies: an item in progress changes after it was announced. */
export function copyItem(item: Item): Item {
  return item.type === 'message'
    ? ({ ...item, content: item.content.map((part) => ({ ...part })) } as Item)
    : { ...item };
}
