import { durationMs, samplesIn } from '../audio/pcm.ts';
import { type AssistantMessage, copyItem, type Item, type ItemStatus } from '../protocol/items.ts';
import type { ResponseResource, ResponseStatus, StatusDetails, UnsentEvent, Usage } from '../protocol/server-events.ts';
import type { AudioFormat, Modality } from '../protocol/session-config.ts';
import type { Entry } from './conversation.ts';
import type { Generation, GenerationEvent } from './generation.ts';
import { type MadeCall, OutputCall } from './output-call.ts';
import { OutputMessage } from './output-message.ts';
import type { Pacer } from './pacer.ts';
import type { ModelUsage, WordTiming } from './ports.ts';
import type { SessionTools } from './settings.ts';
import type { SpokenAudio } from './spoken-audio.ts';
import { StageError } from './stage.ts';
import { responseUsage } from './usage.ts';
import { formatRateHz } from './wire-audio.ts';

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
  #message: OutputMessage | undefined;
  #call: OutputCall | undefined;
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
        if (event.text === '') return;
        this.#outputCharacters += event.text.length;
        return this.#openMessage().sendText(event.text);
      case 'clause':
        this.#outputCharacters += event.text.length;
        return this.#openMessage().sendClause(event.text);
      case 'call':
        return this.#openCall(event.name, event.callId);
      case 'call_arguments':
        if (event.delta === '') return;
        this.#outputCharacters += event.delta.length;
        return this.#call?.sendArguments(event.delta);
      case 'call_end':
        return this.#closeItem('completed');
    }
  }

  /** Sends audio piece by piece, each as soon as the listener is near enough to its end. */
  async #sendAudio(samples: Int16Array, words: readonly WordTiming[] | undefined): Promise<void> {
    const rateHz = formatRateHz(this.options.format);
    const step = samplesIn(maxDeltaMs, rateHz);
    for (let start = 0; start < samples.length; start += step) {
      const piece = samples.subarray(start, start + step);
      const pieceMs = durationMs(piece.length, rateHz);
      await this.#host.pacer.admit(pieceMs, this.#abort.signal);
      if (!this.active) return;
      this.#outputAudioMs += pieceMs;
      this.times.firstAudioSentAt ??= this.#host.tools.clock.now();
      const spoken = this.#openMessage().sendAudio(piece, words);
      if (spoken) this.#host.keep(spoken);
    }
  }

  /** The message that words go to, announced if need be. */
  #openMessage(): OutputMessage {
    if (this.#message) return this.#message;
    const item: AssistantMessage = {
      id: this.#host.tools.ids('item'),
      object: 'realtime.item',
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    };
    const { outputIndex, entry } = this.#announceItem(item);
    const { format } = this.options;
    this.#message = new OutputMessage({
      item,
      outputIndex,
      responseId: this.id,
      format,
      spoken: entry?.spoken ?? new Map(),
      emit: (event) => this.#host.emit(event),
    });
    return this.#message;
  }

  #openCall(name: string, givenCallId: string | undefined): void {
    this.#closeItem('completed');
    const item: MadeCall = {
      id: this.#host.tools.ids('item'),
      object: 'realtime.item',
      type: 'function_call',
      status: 'in_progress',
      call_id: givenCallId ?? this.#host.tools.ids('call'),
      name,
      arguments: '',
    };
    const { outputIndex } = this.#announceItem(item);
    this.#call = new OutputCall({ item, outputIndex, responseId: this.id, emit: (event) => this.#host.emit(event) });
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

  /** Ends the item that is open, if one is. */
  #closeItem(status: ItemStatus): void {
    for (const open of [this.#message, this.#call]) {
      if (!open) continue;
      open.end(status === 'completed');
      open.item.status = status;
      if (this.options.conversationId !== null) this.#host.itemDone(open.item);
      this.#host.emit({
        type: 'response.output_item.done',
        response_id: this.id,
        output_index: open.outputIndex,
        item: copyItem(open.item),
      });
    }
    this.#message = undefined;
    this.#call = undefined;
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
    this.#closeItem(status === 'completed' ? 'completed' : 'incomplete');
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
