import { durationMs, samplesIn, silenceBeforeMs } from '../../audio/pcm.ts';
import { abandoned } from '../../core/abort.ts';
import { messageOf } from '../../core/errors.ts';
import { ResponseFailure } from '../../protocol/errors/response-failures.ts';
import { type AssistantMessage, copyItem, type Item, type ItemStatus } from '../../protocol/wire/items.ts';
import type { McpCallItem } from '../../protocol/wire/mcp-items.ts';
import type { ResponseResource, ResponseStatus, StatusDetails, Usage } from '../../protocol/wire/server-events.ts';
import { type AudioFormat, formatRateHz, type Modality } from '../../protocol/wire/session-config.ts';
import { noUsage, roundedUsage } from '../../protocol/wire/usage.ts';
import type { ContextSnapshot } from '../context/context.ts';
import type { SpokenAudio } from '../conversation/spoken-audio.ts';
import type { CallEvent, Generation, GenerationEvent } from '../generation/generation.ts';
import type { ModelUsage } from '../ports/language-model.ts';
import type { Reservation } from '../ports/meter.ts';
import type { Occurrence } from '../ports/observer.ts';
import type { WordTiming } from '../ports/voice.ts';
import type { SessionCore } from '../session-core.ts';
import { StageError } from '../stage.ts';
import type { ToolCalls } from '../tools/tool-calls.ts';
import { type MadeCall, OutputCall, OutputMessage, OutputServerCall, type OutputTarget } from './output-items.ts';
import { OutputTokens } from './output-tokens.ts';
import { responseUsage } from './usage.ts';

/** Maximum duration of the audio in one event. */
const maxDeltaMs = 200;

export interface ResponseOptions {
  modality: Modality;
  format: AudioFormat;
  voice: string;
  maxOutputTokens: number | 'inf';
  metadata: Record<string, string> | null;
  temperature?: number;
  target: OutputTarget;
  toolCalls(): Pick<ToolCalls, 'run' | 'refuse'>;
  /** Called after the last event. */
  ended(response: Response): void;
}

export interface PreparedGeneration {
  generation: Generation;
  snapshot: ContextSnapshot;
}

type Ending = Exclude<ResponseStatus, 'in_progress'>;

type ResponseOccurrence = WithoutId<Extract<Occurrence, { responseId: string }>>;
type WithoutId<T> = T extends Occurrence ? Omit<T, 'responseId'> : never;

/**
 * One response on the wire: assigns ids and states, numbers items and parts, and emits the output of its generation in
 * the order of docs/protocol.md §3. It ends exactly once: completed, incomplete, cancelled or failed.
 */
export class Response {
  readonly id: string;
  /** Its generation, once it has started. */
  generation: Generation | undefined;
  /** Its token reservation, once it was admitted. */
  reservation: Reservation | undefined;
  readonly #core: SessionCore;
  readonly #options: ResponseOptions;
  readonly #abort = new AbortController();
  readonly #output: Item[] = [];
  #status: ResponseStatus = 'in_progress';
  #details: StatusDetails | null = null;
  #message: OutputMessage | undefined;
  #call: OutputCall | OutputServerCall | undefined;
  readonly #spent: OutputTokens;
  #audioSent = false;
  #audibleSent = false;
  #callsSent = false;
  /** Resolves with its first words, or when it ends. */
  readonly #wordsSent = Promise.withResolvers<void>();
  /** The context that its model received; set only when the model was called, which is when its input is billed. */
  #input: ContextSnapshot | undefined;
  #modelUsage: ModelUsage | undefined;
  #spentTokens: Usage | null = null;

  constructor(core: SessionCore, options: ResponseOptions) {
    this.id = core.ids('resp');
    this.#core = core;
    this.#options = options;
    const { maxOutputTokens, format } = options;
    this.#spent = new OutputTokens(core.tokens, {
      limit: maxOutputTokens === 'inf' ? Number.POSITIVE_INFINITY : maxOutputTokens,
      rateHz: formatRateHz(format),
    });
  }

  get active(): boolean {
    return this.#status === 'in_progress';
  }

  get inConversation(): boolean {
    return this.#options.target.conversationId !== null;
  }

  /** Whether only audio remains to be produced or sent. */
  get onlySpeaks(): boolean {
    return this.active && this.#callsSent && (this.generation?.modelEnded ?? false);
  }

  get status(): ResponseStatus {
    return this.#status;
  }

  /** The actual usage, not rounded, even if the wire shows zeros. */
  get spent(): Usage {
    return this.#spentTokens ?? this.#currentUsage();
  }

  /** Whether it was cancelled or failed before any output, so that its usage on the wire is zero. */
  get endedEmpty(): boolean {
    return (this.#status === 'cancelled' || this.#status === 'failed') && this.#output.length === 0;
  }

  get itemIds(): string[] {
    return this.#output.map((item) => item.id);
  }

  /** Announces the response, then sends its generation's output until it ends or is cancelled. Never rejects. */
  async run(prepare: (signal: AbortSignal) => Promise<PreparedGeneration>): Promise<void> {
    this.#core.emit({ type: 'response.created', response: this.#resource() });
    this.#observe({ type: 'response_created', inConversation: this.inConversation });
    try {
      const { generation, snapshot } = await prepare(this.#abort.signal);
      this.generation = generation;
      if (!this.active) return generation.abort();
      this.#input = snapshot;
      generation.reports.adopt((type, atMs) => this.active && this.#observe({ type }, atMs));
      await this.#send(generation);
    } catch (error) {
      if (this.active) this.#fail(error);
    }
  }

  /** Stops every stage and ends the response; nothing of it is sent afterwards. */
  cancel(reason: 'turn_detected' | 'client_cancelled'): void {
    if (this.active) this.#end('cancelled', { type: 'cancelled', reason });
  }

  async #send(generation: Generation): Promise<void> {
    const calls = this.#sendCalls(generation.calls);
    for await (const event of generation) {
      if (!this.active) return;
      if (event.type === 'finish') {
        this.#modelUsage = event.usage;
        await calls;
        if (!this.active) return;
        return event.failure ? this.#fail(event.failure) : this.#finish(event.reason);
      }
      const whole = event.type === 'audio' ? await this.#sendAudio(event.samples, event.words) : this.#sendPiece(event);
      if (!this.active) return;
      if (!whole) return this.#finish('length');
    }
  }

  /** Sends the calls beside speech, each after the message that precedes it, if any. Never rejects. */
  async #sendCalls(calls: AsyncIterable<CallEvent>): Promise<void> {
    for await (const event of calls) {
      if (event.type === 'call' && event.behindWords) await this.#wordsSent.promise;
      if (!this.active) return;
      if (!this.#sendPiece(event)) return this.#finish('length');
    }
    this.#callsSent = true;
  }

  #finish(reason: Extract<GenerationEvent, { type: 'finish' }>['reason']): void {
    if (reason === 'stop') return this.#end('completed', null);
    const why = reason === 'length' ? 'max_output_tokens' : 'content_filter';
    this.#end('incomplete', { type: 'incomplete', reason: why });
  }

  /** Sends as much of a piece as the response's token limit allows; returns whether it was complete. */
  #sendPiece(event: Exclude<GenerationEvent, { type: 'finish' | 'audio' }>): boolean {
    switch (event.type) {
      case 'text':
      case 'clause':
      case 'words': {
        const text = this.#spent.takeText(event.text, 'words');
        if (text !== '') this.#sendWords(event, text);
        return text === event.text;
      }
      case 'call': {
        this.#spent.endText();
        const whole = this.#spent.takeText(event.name, 'call') === event.name;
        this.#spent.endText();
        if (whole) this.#openCall(event);
        return whole;
      }
      case 'call_arguments': {
        const delta = this.#spent.takeText(event.delta, 'call');
        if (delta !== '') this.#call?.sendArguments(delta);
        return delta === event.delta;
      }
      case 'call_end':
        this.#spent.endText();
        this.#closeCall('completed');
        return true;
      case 'call_made':
        this.#closeMessage('completed');
        return true;
      case 'voice_silent':
        this.#observe(event);
        return true;
    }
  }

  #sendWords(event: Extract<GenerationEvent, { type: 'text' | 'clause' | 'words' }>, text: string): void {
    const message = this.#openMessage();
    if (event.type === 'text') message.sendText(text);
    else if (event.type === 'clause') message.sendClause(text, event.words);
    else message.sendWords(text);
    this.#wordsSent.resolve();
  }

  /** Sends audio as the listener and the token limit allow; resolves with whether it was complete. */
  async #sendAudio(samples: Int16Array, words: readonly WordTiming[] | undefined): Promise<boolean> {
    const rateHz = formatRateHz(this.#options.format);
    const step = samplesIn(maxDeltaMs, rateHz);
    for (let start = 0; start < samples.length; start += step) {
      const wanted = samples.subarray(start, start + step);
      const piece = wanted.subarray(0, this.#spent.audioRoom(wanted.length));
      if (piece.length > 0) {
        await this.#options.target.playback.admit(durationMs(piece.length, rateHz), this.#abort.signal);
        if (!this.active) return false;
        this.#spent.addAudio(piece.length);
        if (!this.#audioSent) this.#observe({ type: 'first_audio_sent' });
        this.#audioSent = true;
        const silentMs = this.#audibleSent ? undefined : silenceBeforeMs(piece, rateHz);
        if (silentMs !== undefined) this.#observe({ type: 'first_audible_sent' }, this.#core.clock.now() + silentMs);
        this.#audibleSent ||= silentMs !== undefined;
        const spoken = this.#openMessage().sendAudio(piece, words);
        if (spoken) this.#options.target.keep(spoken);
      }
      if (piece.length < wanted.length) return false;
    }
    return true;
  }

  /** The message for the next words, announced if necessary. */
  #openMessage(): OutputMessage {
    if (this.#message) return this.#message;
    const item: AssistantMessage = {
      id: this.#core.ids('item'),
      object: 'realtime.item',
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    };
    const { format, target } = this.#options;
    const { playback } = target;
    const announced = this.#announceItem(item);
    this.#message = new OutputMessage(this.#core, { item, ...announced, responseId: this.id, format, playback });
    return this.#message;
  }

  #openCall(event: Extract<GenerationEvent, { type: 'call' }>): void {
    if (event.behindWords === undefined) this.#closeMessage('completed');
    this.#closeCall('completed');
    if (event.server === undefined) this.#openClientCall(event);
    else this.#openServerCall(event, event.server);
  }

  /** Remembers the engine's own id for a call. */
  #noteEngineCall(callId: string, { callId: id, engine }: Extract<GenerationEvent, { type: 'call' }>): void {
    if (id !== undefined) this.#core.engineCalls.note(callId, { id, engine });
  }

  #openClientCall(event: Extract<GenerationEvent, { type: 'call' }>): void {
    const call_id = this.#core.newCallId();
    this.#noteEngineCall(call_id, event);
    const item: MadeCall = {
      id: this.#core.ids('item'),
      object: 'realtime.item',
      type: 'function_call',
      status: 'in_progress',
      call_id,
      name: event.name,
      arguments: '',
    };
    const { outputIndex } = this.#announceItem(item);
    this.#call = new OutputCall(this.#core, { item, outputIndex, responseId: this.id });
  }

  #openServerCall(event: Extract<GenerationEvent, { type: 'call' }>, server_label: string): void {
    const { name } = event;
    const id = this.#core.ids('item');
    this.#noteEngineCall(id, event);
    const item: McpCallItem = { id, type: 'mcp_call', server_label, name, arguments: '', output: null };
    const { outputIndex } = this.#announceItem(item);
    this.#call = new OutputServerCall(this.#core, { item, outputIndex, responseId: this.id });
  }

  // ---- Items and completion ----

  #announceItem(item: Item): { outputIndex: number; spoken: Map<number, SpokenAudio> } {
    const outputIndex = this.#output.push(item) - 1;
    this.#core.emit({
      type: 'response.output_item.added',
      response_id: this.id,
      output_index: outputIndex,
      item: copyItem(item),
    });
    return { outputIndex, spoken: this.#options.target.add(item) };
  }

  #closeMessage(status: ItemStatus): void {
    const message = this.#message;
    this.#message = undefined;
    if (message) this.#closeItem(message, status);
  }

  #closeCall(status: ItemStatus): void {
    const call = this.#call;
    this.#call = undefined;
    if (call) this.#closeItem(call, status);
  }

  #closeItem(open: OutputMessage | OutputCall | OutputServerCall, status: ItemStatus): void {
    const whole = status === 'completed';
    open.end(whole);
    if (open instanceof OutputServerCall) {
      this.#options.toolCalls()[whole ? 'run' : 'refuse'](open);
    } else {
      open.item.status = status;
      this.#options.target.complete(open.item);
    }
    this.#core.emit({
      type: 'response.output_item.done',
      response_id: this.id,
      output_index: open.outputIndex,
      item: copyItem(open.item),
    });
  }

  #fail(error: unknown): void {
    const staged = error instanceof StageError;
    const message = messageOf(error);
    if (error instanceof ResponseFailure) {
      const { type, code } = error;
      this.#observe({ type: 'response_failed', fault: 'request', code, error: message });
      return this.#end('failed', { type: 'failed', error: { type, code, message } });
    }
    const code = staged ? error.code : 'internal_error';
    const stage = staged && { stage: error.stage };
    this.#observe({ type: 'response_failed', fault: 'server', code, error: message, ...stage });
    const text = staged ? error.forClients : 'The server had an error while making the response.';
    this.#end('failed', { type: 'failed', error: { type: 'server_error', code, message: text } });
  }

  #end(status: Ending, details: StatusDetails | null): void {
    const itemStatus = status === 'completed' ? 'completed' : 'incomplete';
    this.#closeMessage(itemStatus);
    this.#closeCall(itemStatus);
    this.#status = status;
    this.#wordsSent.resolve();
    this.#details = details;
    this.#spentTokens = this.#currentUsage();
    this.generation?.abort();
    this.#abort.abort(abandoned);
    const usage = this.endedEmpty ? noUsage : roundedUsage(this.#spentTokens);
    this.#core.emit({ type: 'response.done', response: { ...this.#resource(), usage } });
    this.#observe({ type: 'response_done', inConversation: this.inConversation, status, usage });
    this.#options.ended(this);
  }

  #observe(occurrence: ResponseOccurrence, atMs?: number): void {
    this.#core.observers.publish({ ...occurrence, responseId: this.id }, atMs);
  }

  #currentUsage(): Usage {
    return responseUsage({
      input: this.#input,
      output: this.#spent,
      model: this.#modelUsage,
      modelSpoke: this.generation?.spokeItself ?? false,
    });
  }

  #resource(): ResponseResource {
    const options = this.#options;
    return {
      object: 'realtime.response',
      id: this.id,
      status: this.#status,
      status_details: this.#details,
      output: this.#output.map(copyItem),
      conversation_id: options.target.conversationId,
      output_modalities: [options.modality],
      max_output_tokens: options.maxOutputTokens,
      audio: { output: { format: options.format, voice: options.voice } },
      temperature: options.temperature,
      usage: null,
      metadata: options.metadata,
    };
  }
}
