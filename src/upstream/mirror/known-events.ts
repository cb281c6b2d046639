/** Converts events of an upstream to the core's shapes, validated against the core's types. */

import { z } from 'zod';
import type { ServerEvent, ServerEventOf, ServerEventType } from '../../protocol/wire/server-events.ts';
import type { UpstreamEvent } from '../link/json.ts';
import { knownItem, knownResponse, longestId } from './known-items.ts';

/** Events about the session are derived from its state, which is more complete than a single event. */
type OfSession = 'session.created' | 'session.updated';
/** The upstream is connected by WebSocket, where it reports no playback. */
type OfCalls = `output_audio_buffer.${string}`;
type KnownType = Exclude<ServerEventType, OfSession | OfCalls>;

const index = z.number().int().nonnegative();
const id = z.string().max(longestId);
const ms = z.number();
const previous = {
  previous_item_id: z
    .string()
    .nullish()
    .transform((id) => id ?? null),
};
const inResponse = { response_id: id, output_index: index };
const inItem = { ...inResponse, item_id: id };
const toolCall = { item_id: id, output_index: index };
const inPart = { ...inItem, content_index: index };
const ofAudio = { item_id: id, content_index: index };
const orNull = z
  .string()
  .nullish()
  .transform((text) => text ?? null)
  .catch(null);
const errorText = { type: z.string().catch('server_error'), message: z.string().catch('') };
const part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string().default('') }),
  z.object({ type: z.literal('audio'), transcript: z.string().default('') }),
]);
const transcriptionUsage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('duration'), seconds: z.number().nonnegative() }),
  z.object({
    type: z.literal('tokens'),
    total_tokens: index,
    input_tokens: index,
    output_tokens: index,
    input_token_details: z
      .object({ text_tokens: index, audio_tokens: index })
      .catch({ text_tokens: 0, audio_tokens: 0 }),
  }),
]);
const logprobs = {
  logprobs: z
    .array(z.object({ token: z.string(), logprob: z.number(), bytes: z.array(index) }))
    .optional()
    .catch(undefined),
};
const rateLimit = z.object({
  name: z.enum(['requests', 'tokens']),
  limit: z.number(),
  remaining: z.number(),
  reset_seconds: z.number(),
});

/** The fields of each event, beside its id and its type. */
const fields: { [T in KnownType]: FieldSchemas<ServerEventOf<T>> } = {
  error: { error: z.object({ ...errorText, code: orNull, param: orNull, event_id: orNull }) },
  'conversation.item.added': { ...previous, item: knownItem },
  'conversation.item.done': { ...previous, item: knownItem },
  'conversation.item.deleted': { item_id: id },
  'conversation.item.retrieved': { item: knownItem },
  'conversation.item.truncated': { ...ofAudio, audio_end_ms: ms },
  'conversation.item.input_audio_transcription.delta': { ...ofAudio, ...logprobs, delta: z.string() },
  'conversation.item.input_audio_transcription.segment': {
    ...ofAudio,
    id: z.string(),
    text: z.string(),
    speaker: z.string(),
    start: z.number(),
    end: z.number(),
  },
  'conversation.item.input_audio_transcription.completed': {
    ...ofAudio,
    ...logprobs,
    transcript: z.string(),
    usage: transcriptionUsage.catch({ type: 'duration', seconds: 0 }),
  },
  'conversation.item.input_audio_transcription.failed': {
    ...ofAudio,
    error: z.object({ ...errorText, code: z.string().catch('unknown') }),
  },
  'input_audio_buffer.committed': { ...previous, item_id: id },
  'input_audio_buffer.cleared': {},
  'input_audio_buffer.speech_started': { audio_start_ms: ms, item_id: id },
  'input_audio_buffer.speech_stopped': { audio_end_ms: ms, item_id: id },
  'input_audio_buffer.timeout_triggered': { audio_start_ms: ms, audio_end_ms: ms, item_id: id },
  'response.created': { response: knownResponse },
  'response.done': { response: knownResponse },
  'response.output_item.added': { ...inResponse, item: knownItem },
  'response.output_item.done': { ...inResponse, item: knownItem },
  'response.content_part.added': { ...inPart, part },
  'response.content_part.done': { ...inPart, part },
  'response.output_text.delta': { ...inPart, delta: z.string() },
  'response.output_text.done': { ...inPart, text: z.string() },
  'response.output_audio.delta': { ...inPart, delta: z.string() },
  'response.output_audio.done': inPart,
  'response.output_audio_transcript.delta': { ...inPart, delta: z.string() },
  'response.output_audio_transcript.done': { ...inPart, transcript: z.string() },
  'response.function_call_arguments.delta': { ...inItem, call_id: id, delta: z.string() },
  'response.function_call_arguments.done': {
    ...inItem,
    call_id: id,
    name: z.string().default(''),
    arguments: z.string(),
  },
  'response.mcp_call_arguments.delta': { ...inItem, delta: z.string(), obfuscation: z.string().catch('') },
  'response.mcp_call_arguments.done': { ...inItem, arguments: z.string() },
  'response.mcp_call.in_progress': toolCall,
  'response.mcp_call.completed': toolCall,
  'response.mcp_call.failed': toolCall,
  'mcp_list_tools.in_progress': { item_id: id },
  'mcp_list_tools.completed': { item_id: id },
  'mcp_list_tools.failed': { item_id: id },
  'rate_limits.updated': { rate_limits: z.array(rateLimit) },
};

type FieldSchemas<Event> = { [Field in Exclude<keyof Event, 'event_id' | 'type'>]: z.ZodType<Event[Field]> };

const schemas = new Map<string, z.ZodType>(
  Object.entries(fields).map(([type, shape]) => [
    type,
    z.object({ event_id: z.string(), type: z.literal(type), ...shape }),
  ]),
);

/**
 * The event in the core's shape, without unknown fields; undefined if the core does not have the event, or its shape is
 * wrong.
 */
export function knownEvent(event: UpstreamEvent): ServerEvent | undefined {
  return schemas.get(event.type)?.safeParse(event).data as ServerEvent | undefined;
}

export function isKnownType(type: string): type is KnownType {
  return schemas.has(type);
}
