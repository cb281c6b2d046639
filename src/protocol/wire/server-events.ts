/** Server events, in the shapes of the GA dialect. */

import type { UnsentError } from '../errors/wire-errors.ts';
import type { Item } from './items.ts';
import type { AudioFormat, Modality, SessionConfig } from './session-config.ts';

export interface ErrorDetails {
  type: string;
  code: string | null;
  message: string;
  param: string | null;
  /** The `event_id` of the client event that caused it. */
  event_id: string | null;
}

export interface Usage {
  total_tokens: number;
  input_tokens: number;
  output_tokens: number;
  input_token_details: {
    text_tokens: number;
    audio_tokens: number;
    image_tokens: number;
    cached_tokens: number;
    cached_tokens_details: { text_tokens: number; audio_tokens: number; image_tokens: number };
  };
  /** `reasoning_tokens`: a part of `text_tokens`, only in GA, and only above 0. */
  output_token_details: { text_tokens: number; audio_tokens: number; reasoning_tokens?: number };
}

export type ResponseStatus = 'in_progress' | 'completed' | 'cancelled' | 'incomplete' | 'failed';

export type StatusDetails =
  | { type: 'cancelled'; reason: 'turn_detected' | 'client_cancelled' }
  | { type: 'incomplete'; reason: 'max_output_tokens' | 'content_filter' }
  | { type: 'failed'; error: { type: string; code: string; message: string } };

export interface ResponseResource {
  object: 'realtime.response';
  id: string;
  status: ResponseStatus;
  status_details: StatusDetails | null;
  output: Item[];
  conversation_id: string | null;
  output_modalities: Modality[];
  max_output_tokens: number | 'inf';
  audio: { output: { format: AudioFormat; voice: string } };
  /** For beta clients; omitted from GA events. */
  temperature?: number;
  usage: Usage | null;
  metadata: Record<string, string> | null;
}

export type ContentPart = { type: 'text'; text: string } | { type: 'audio'; transcript: string };

interface InResponse {
  response_id: string;
  output_index: number;
}
interface InItem extends InResponse {
  item_id: string;
}
interface InPart extends InItem {
  content_index: number;
}
/** Without the id of the response, which may have ended. */
interface ToolCallProgress {
  item_id: string;
  output_index: number;
}
interface Transcription {
  item_id: string;
  content_index: number;
}
/** Usage of a transcription, by the duration of the audio. */
export interface DurationUsage {
  type: 'duration';
  seconds: number;
}

export interface TokenUsage {
  type: 'tokens';
  total_tokens: number;
  input_tokens: number;
  output_tokens: number;
  input_token_details: { text_tokens: number; audio_tokens: number };
}

/** Usage of a transcription, by the billing of its model. */
export type TranscriptionUsage = DurationUsage | TokenUsage;

/** A token of a transcript. */
export interface TokenProbability {
  token: string;
  /** Natural logarithm of its probability. */
  logprob: number;
  /** Its text in UTF-8. */
  bytes: number[];
}

export interface RateLimit {
  name: 'requests' | 'tokens';
  limit: number;
  remaining: number;
  reset_seconds: number;
}

/** Event payloads by type, without `type` and `event_id`. */
interface Payloads {
  error: { error: ErrorDetails };
  'session.created': { session: SessionConfig };
  'session.updated': { session: SessionConfig };
  'conversation.item.added': { previous_item_id: string | null; item: Item };
  'conversation.item.done': { previous_item_id: string | null; item: Item };
  'conversation.item.deleted': { item_id: string };
  'conversation.item.retrieved': { item: Item };
  'conversation.item.truncated': { item_id: string; content_index: number; audio_end_ms: number };
  'conversation.item.input_audio_transcription.delta': Transcription & {
    delta: string;
    logprobs?: TokenProbability[];
  };
  'conversation.item.input_audio_transcription.segment': Transcription & {
    id: string;
    text: string;
    speaker: string;
    /** Seconds from the start of the item's audio. */
    start: number;
    end: number;
  };
  'conversation.item.input_audio_transcription.completed': Transcription & {
    transcript: string;
    usage: TranscriptionUsage;
    logprobs?: TokenProbability[];
  };
  'conversation.item.input_audio_transcription.failed': Transcription & {
    error: { type: string; code: string; message: string };
  };
  'input_audio_buffer.committed': { previous_item_id: string | null; item_id: string };
  'input_audio_buffer.cleared': object;
  'input_audio_buffer.speech_started': { audio_start_ms: number; item_id: string };
  'input_audio_buffer.speech_stopped': { audio_end_ms: number; item_id: string };
  'input_audio_buffer.timeout_triggered': { audio_start_ms: number; audio_end_ms: number; item_id: string };
  'response.created': { response: ResponseResource };
  'response.done': { response: ResponseResource };
  'response.output_item.added': InResponse & { item: Item };
  'response.output_item.done': InResponse & { item: Item };
  'response.content_part.added': InPart & { part: ContentPart };
  'response.content_part.done': InPart & { part: ContentPart };
  'response.output_text.delta': InPart & { delta: string };
  'response.output_text.done': InPart & { text: string };
  'response.output_audio.delta': InPart & { delta: string };
  'response.output_audio.done': InPart;
  'response.output_audio_transcript.delta': InPart & { delta: string };
  'response.output_audio_transcript.done': InPart & { transcript: string };
  'response.function_call_arguments.delta': InItem & { call_id: string; delta: string };
  'response.function_call_arguments.done': InItem & { call_id: string; name: string; arguments: string };
  /** `obfuscation` is padding, and empty here: one client needs the key to know the event. */
  'response.mcp_call_arguments.delta': InItem & { delta: string; obfuscation: string };
  'response.mcp_call_arguments.done': InItem & { arguments: string };
  'response.mcp_call.in_progress': ToolCallProgress;
  'response.mcp_call.completed': ToolCallProgress;
  'response.mcp_call.failed': ToolCallProgress;
  'output_audio_buffer.started': { response_id: string };
  'output_audio_buffer.stopped': { response_id: string };
  'output_audio_buffer.cleared': { response_id: string };
  'mcp_list_tools.in_progress': { item_id: string };
  'mcp_list_tools.completed': { item_id: string };
  'mcp_list_tools.failed': { item_id: string };
  'rate_limits.updated': {
    rate_limits: RateLimit[];
  };
}

export type ServerEventType = keyof Payloads;

type Payload = { [T in ServerEventType]: { type: T } & Payloads[T] }[ServerEventType];

/** An event without its `event_id`. An error is rendered by the dialect of each peer. */
export type UnsentEvent = Exclude<Payload, { type: 'error' }> | UnsentError;

/** A GA event as it is sent, with its `event_id`. */
export type ServerEvent = Payload & { event_id: string };
export type ServerEventOf<T extends ServerEventType> = Extract<ServerEvent, { type: T }>;

/**
 * An event of an upstream on its way to clients. GA clients receive it unchanged, including fields that the core does
 * not know; clients of another dialect receive the part that the core knows.
 */
export interface RelayedEvent {
  readonly relayed: Readonly<Record<string, unknown>>;
  /** Undefined if the core does not have the event, or its shape is wrong. */
  readonly known: ServerEvent | undefined;
}

/** An error of this server on its way to a peer. */
export type RaisedError = UnsentError & { event_id: string };

/** Everything that can be sent to a peer. */
export type OutgoingEvent = ServerEvent | RaisedError | RelayedEvent | ExtensionEvent | ExtendedEvent;

/** An event of an extension, for peers that requested it (`extensions.ts`). */
export interface ExtensionEvent {
  readonly extension: string;
  readonly event: { readonly type: string; readonly event_id: string };
}

/** An event with further fields, by the extension that they belong to. */
export interface ExtendedEvent {
  readonly extended: ServerEvent;
  readonly fields: Readonly<Record<string, object>>;
}
