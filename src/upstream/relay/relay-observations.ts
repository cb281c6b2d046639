import type { Clock } from '../../core/clock.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { ToolCallError } from '../../protocol/wire/mcp-items.ts';
import type { ResponseResource, ServerEvent, UnsentEvent } from '../../protocol/wire/server-events.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import type { Observers } from '../../session/observing/observers.ts';
import type { AudioCodec } from '../../session/ports/audio-codec.ts';

/** Maximum number of responses whose first audio is observed, and of tool calls; more than an upstream runs at once. */
const maxAwaited = 64;

interface OpenCall {
  readonly responseId: string;
  readonly serverLabel: string;
  readonly name: string;
  startedAt: number;
  error?: ToolCallError['type'];
}

/** Publishes observations of turns, transcripts, responses and tool calls, derived from the events of an upstream. */
export class RelayObservations {
  readonly #observers: Observers;
  readonly #clock: Pick<Clock, 'now'>;
  /** The last decided turn: its audio is committed next. */
  #decidedId: string | undefined;
  /** Responses without audio so far. */
  readonly #silent = new Set<string>();
  /** The unfinished calls of the upstream's tools, by item. */
  readonly #calls = new Map<string, OpenCall>();
  #inputMs = 0;

  constructor(observers: Observers, clock: Pick<Clock, 'now'>) {
    this.#observers = observers;
    this.#clock = clock;
  }

  /** Takes a client event. `format`: the current format of input audio. */
  sent(event: ClientEvent, codec: AudioCodec, format: AudioFormat): void {
    if (event.type !== 'input_audio_buffer.append') return;
    this.#inputMs += codec.measure(event.audio, format).durationMs;
    this.#observers.inputReached(this.#inputMs);
  }

  /** Takes an event for clients. */
  received(event: ServerEvent | UnsentEvent): void {
    switch (event.type) {
      case 'input_audio_buffer.speech_started': {
        const { item_id: itemId, audio_start_ms: audioStartMs } = event;
        return this.#observers.publish({ type: 'speech_started', itemId, audioStartMs });
      }
      case 'input_audio_buffer.speech_stopped':
        return this.#decided(event.item_id, 'voice_activity', event.audio_end_ms);
      case 'input_audio_buffer.timeout_triggered':
        return this.#decided(event.item_id, 'idle_timeout', event.audio_end_ms);
      case 'input_audio_buffer.committed':
        if (event.item_id !== this.#decidedId) this.#decided(event.item_id, 'client', Math.round(this.#inputMs));
        return;
      case 'conversation.item.input_audio_transcription.completed': {
        const { item_id: itemId, content_index: contentIndex, transcript: text, usage } = event;
        return this.#observers.publish({ type: 'transcript', itemId, contentIndex, text, usage });
      }
      case 'conversation.item.input_audio_transcription.failed': {
        const { item_id: itemId, content_index: contentIndex, error } = event;
        return this.#observers.publish({ type: 'transcription_failed', itemId, contentIndex, error: error.message });
      }
      case 'response.created': {
        const { id: responseId, conversation_id } = event.response;
        if (this.#silent.size < maxAwaited) this.#silent.add(responseId);
        const inConversation = conversation_id !== null;
        return this.#observers.publish({ type: 'response_created', responseId, inConversation });
      }
      case 'response.output_audio.delta': {
        const { response_id: responseId } = event;
        if (this.#silent.delete(responseId)) this.#observers.publish({ type: 'first_audio_sent', responseId });
        return;
      }
      case 'response.done':
        return this.#responseEnded(event.response);
      default:
        return this.#toolEvent(event);
    }
  }

  /** An internal error of the session. */
  fault(error: unknown): void {
    this.#observers.publish({ type: 'session_fault', error: String(error) });
  }

  /** The session and its responses have ended. */
  sessionEnded(running: readonly ResponseResource[]): void {
    for (const response of running) this.#responseEnded({ ...response, status: 'cancelled' });
    this.#observers.publish({ type: 'session_ended' });
  }

  #responseEnded({ id: responseId, status, conversation_id, usage }: ResponseResource): void {
    this.#silent.delete(responseId);
    const inConversation = conversation_id !== null;
    this.#observers.publish({ type: 'response_done', responseId, inConversation, status, usage });
  }

  #toolEvent(event: ServerEvent | UnsentEvent): void {
    switch (event.type) {
      case 'response.output_item.added': {
        const { item, response_id: responseId } = event;
        if (item.type !== 'mcp_call' || this.#calls.size >= maxAwaited) return;
        const { server_label: serverLabel, name } = item;
        this.#calls.set(item.id, { responseId, serverLabel, name, startedAt: this.#clock.now() });
        return;
      }
      case 'response.mcp_call.in_progress': {
        const call = this.#calls.get(event.item_id);
        if (call) call.startedAt = this.#clock.now();
        return;
      }
      case 'conversation.item.done': {
        const { item } = event;
        const call = this.#calls.get(item.id);
        if (call && item.type === 'mcp_call' && item.error) call.error = item.error.type;
        return;
      }
      case 'response.mcp_call.completed':
        return this.#toolEnded(event.item_id);
      case 'response.mcp_call.failed':
        return this.#toolEnded(event.item_id, 'tool_execution_error');
      case 'conversation.item.deleted':
        this.#calls.delete(event.item_id);
    }
  }

  /** `unspecified`: the error of a failed call whose item has not reported one. */
  #toolEnded(itemId: string, unspecified?: ToolCallError['type']): void {
    const call = this.#calls.get(itemId);
    if (!call) return;
    this.#calls.delete(itemId);
    const { startedAt, error = unspecified, ...about } = call;
    const tookMs = this.#clock.now() - startedAt;
    this.#observers.publish({ type: 'tool_call_done', ...about, itemId, tookMs, ...(error && { error }) });
  }

  #decided(itemId: string, by: 'voice_activity' | 'client' | 'idle_timeout', audioEndMs: number): void {
    this.#decidedId = itemId;
    this.#observers.publish({ type: 'turn_decided', itemId, by, audioEndMs });
  }
}
