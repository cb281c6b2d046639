import { durationMs, samplesIn } from '../../audio/pcm.ts';
import { ResponseFailure } from '../../protocol/errors/wire-errors.ts';
import { type AssistantMessage, copyItem, type Item, type ItemStatus } from '../../protocol/wire/items.ts';
import type {
  ResponseResource,
  ResponseStatus,
  StatusDetails,
  UnsentEvent,
  Usage,
} from '../../protocol/wire/server-events.ts';
import type { AudioFormat, Modality } from '../../protocol/wire/session-config.ts';
import type { ConversationEntry } from '../conversation/conversation.ts';
import type { SpokenAudio } from '../conversation/spoken-audio.ts';
import { formatRateHz } from '../conversation/wire-audio.ts';
import type { Generation, GenerationEvent } from '../generation/generation.ts';
import type { ModelUsage } from '../ports/language-model.ts';
import type { Reservation } from '../ports/meter.ts';
import type { WordTiming } from '../ports/voice.ts';
import type { SessionTools } from '../settings.ts';
import { StageError } from '../stage.ts';
import { type MadeCall, OutputCall } from './output-call.ts';
import { OutputMessage } from './output-message.ts';
import { OutputTokens } from './output-tokens.ts';
import type { Pacer } from './pacer.ts';
import { responseUsage } from './usage.ts';

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
  addItem(item: Item): ConversationEntry;
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
  /** What was set aside for it, once it was admitted. */
  reservation: Reservation | undefined;
  readonly #host: ResponseHost;
  readonly #abort = new AbortController();
  readonly #output: Item[] = [];
  #status: ResponseStatus = 'in_progress';
  #details: StatusDetails | null = null;
  #message: OutputMessage | undefined;
  #call: OutputCall | undefined;
  readonly #spent: OutputTokens;
  /** Whether the model was asked: only then its input was spent. */
  #asked = false;
  #modelUsage: ModelUsage | undefined;
  #usage: Usage | null = null;

  constructor(options: ResponseOptions, host: ResponseHost) {
    this.id = host.tools.ids('resp');
    this.options = options;
    this.#host = host;
    this.times = { createdAt: host.tools.clock.now() };
    const { maxOutputTokens, format } = options;
    this.#spent = new OutputTokens(host.tools.tokens, {
      limit: maxOutputTokens === 'inf' ? Number.POSITIVE_INFINITY : maxOutputTokens,
      rateHz: formatRateHz(format),
    });
  }

  get active(): boolean {
    return this.#status === 'in_progress';
  }

  get status(): ResponseStatus {
    return this.#status;
  }

  /** What it has cost: the figures of `response.done`. */
  get usage(): Usage {
    return this.#usage ?? this.#currentUsage();
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
    if (this.active) this.#end('cancelled', { type: 'cancelled', reason });
  }

  async #send(generation: Generation): Promise<void> {
    this.#asked = true;
    for await (const event of generation) {
      if (!this.active) return;
      if (event.type === 'finish') {
        this.#modelUsage = event.usage;
        return this.#finish(event.reason);
      }
      const whole = event.type === 'audio' ? await this.#sendAudio(event.samples, event.words) : this.#sendPiece(event);
      if (!this.active) return;
      if (!whole) return this.#finish('length');
    }
  }

  #finish(reason: Extract<GenerationEvent, { type: 'finish' }>['reason']): void {
    if (reason === 'stop') return this.#end('completed', { type: 'completed' });
    const why = reason === 'length' ? 'max_output_tokens' : 'content_filter';
    this.#end('incomplete', { type: 'incomplete', reason: why });
  }

  /** Sends as much of a piece as the response may have tokens; returns whether that was all of it. */
  #sendPiece(event: Exclude<GenerationEvent, { type: 'finish' | 'audio' }>): boolean {
    switch (event.type) {
      case 'text':
      case 'clause':
      case 'words': {
        const text = this.#spent.takeText(event.text);
        if (text !== '') this.#sendWords(event.type, text);
        return text === event.text;
      }
      case 'call': {
        this.#spent.endText();
        const whole = this.#spent.takeText(event.name) === event.name;
        this.#spent.endText();
        if (whole) this.#openCall(event.name, event.callId);
        return whole;
      }
      case 'call_arguments': {
        const delta = this.#spent.takeText(event.delta);
        if (delta !== '') this.#call?.sendArguments(delta);
        return delta === event.delta;
      }
      case 'call_end':
        this.#spent.endText();
        this.#closeItem('completed');
        return true;
    }
  }

  #sendWords(type: 'text' | 'clause' | 'words', text: string): void {
    const message = this.#openMessage();
    if (type === 'text') message.sendText(text);
    else if (type === 'clause') message.sendClause(text);
    else message.sendWords(text);
  }

  /**
   * Sends audio piece by piece, each as soon as the listener is near enough to its end, and as much of it as the response
   * may have tokens; resolves with whether that was all of it.
   */
  async #sendAudio(samples: Int16Array, words: readonly WordTiming[] | undefined): Promise<boolean> {
    const rateHz = formatRateHz(this.options.format);
    const step = samplesIn(maxDeltaMs, rateHz);
    for (let start = 0; start < samples.length; start += step) {
      const wanted = samples.subarray(start, start + step);
      const piece = wanted.subarray(0, this.#spent.audioRoom(wanted.length));
      if (piece.length > 0) {
        await this.#host.pacer.admit(durationMs(piece.length, rateHz), this.#abort.signal);
        if (!this.active) return false;
        this.#spent.addAudio(piece.length);
        this.times.firstAudioSentAt ??= this.#host.tools.clock.now();
        const spoken = this.#openMessage().sendAudio(piece, words);
        if (spoken) this.#host.keep(spoken);
      }
      if (piece.length < wanted.length) return false;
    }
    return true;
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

  #announceItem(item: Item): { outputIndex: number; entry: ConversationEntry | undefined } {
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
    if (error instanceof ResponseFailure) {
      // What the client asked for is at fault, and not for the log: its message may hold a signed URL.
      const { type, code } = error;
      tools.log.info('response_failed', { response: this.id, code });
      return this.#end('failed', { type: 'failed', error: { type, code, message } });
    }
    tools.log.error('response_failed', { response: this.id, stage: staged ? error.stage : undefined, error: message });
    const code = staged ? error.code : 'internal_error';
    const text = staged ? error.forClients : 'The server had an error while making the response.';
    this.#end('failed', { type: 'failed', error: { type: 'server_error', code, message: text } });
  }

  #end(status: Ending, details: StatusDetails): void {
    this.#closeItem(status === 'completed' ? 'completed' : 'incomplete');
    this.#status = status;
    this.#details = details;
    this.#usage = this.#currentUsage();
    this.times.endedAt = this.#host.tools.clock.now();
    this.generation?.abort();
    this.#abort.abort();
    this.#host.emit({ type: 'response.done', response: this.#resource() });
    this.#host.ended(this);
  }

  #currentUsage(): Usage {
    return responseUsage({
      input: this.#asked ? this.generation?.snapshot : undefined,
      output: this.#spent,
      model: this.#modelUsage,
      modelSpoke: this.generation?.spokeItself ?? false,
    });
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
