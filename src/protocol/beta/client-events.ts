/** Parses beta events into the core's. Its errors name fields of the beta dialect. */

import { z } from 'zod';
import { wireErrors } from '../errors/wire-errors.ts';
import { parseWith } from '../ga.ts';
import { type EventParser, parseAppend } from '../parse/frame-parser.ts';
import type { Check, JsonObject } from '../parse/schema-check.ts';
import { refuseBadTools } from '../parse/tool-check.ts';
import { type ClientEvent, metadataSchema, type ResponseParameters } from '../wire/client-events.ts';
import { maxOutputTokensSchema, modalitiesSchema } from '../wire/session-config.ts';
import { functionToolChoiceSchema, functionToolsSchema } from '../wire/tools.ts';
import { inputItemSchema, itemSchema, toCoreInput, toCoreItem } from './items.ts';
import {
  formatSchema,
  sessionSchema,
  temperatureSchema,
  toCoreFormat,
  toCoreModalities,
  toCoreTranscriptionUpdate,
  toCoreUpdate,
  transcriptionSessionSchema,
  voiceSchema,
} from './session.ts';

const eventId = { event_id: z.string().max(512).nullish() };

const responseSchema = z.strictObject({
  conversation: z.enum(['auto', 'none']).optional(),
  input: z.array(inputItemSchema).optional(),
  instructions: z.string().optional(),
  modalities: modalitiesSchema.optional(),
  voice: voiceSchema.optional(),
  output_audio_format: formatSchema.optional(),
  tools: functionToolsSchema.optional(),
  tool_choice: functionToolChoiceSchema.optional(),
  temperature: temperatureSchema.optional(),
  // The official document uses the first name, the official SDK the second.
  max_output_tokens: maxOutputTokensSchema.optional(),
  max_response_output_tokens: maxOutputTokensSchema.optional(),
  metadata: metadataSchema.nullish(),
});

const sessionUpdate = z.strictObject({ ...eventId, type: z.literal('session.update'), session: sessionSchema });
const transcriptionUpdate = z.strictObject({
  ...eventId,
  type: z.literal('transcription_session.update'),
  session: transcriptionSessionSchema,
});
const itemCreate = z.strictObject({
  ...eventId,
  type: z.literal('conversation.item.create'),
  previous_item_id: z.string().nullish(),
  item: itemSchema,
});
const responseCreate = z.strictObject({
  ...eventId,
  type: z.literal('response.create'),
  response: responseSchema.nullish(),
});

/** By event type; events that are the same in both dialects use the GA parser. */
export const betaParsers: ReadonlyMap<string, EventParser> = new Map<string, EventParser>([
  ['session.update', parseSessionUpdate],
  ['transcription_session.update', parseTranscriptionUpdate],
  ['input_audio_buffer.append', parseAppend],
  ['input_audio_buffer.commit', parseWith('input_audio_buffer.commit')],
  ['input_audio_buffer.clear', parseWith('input_audio_buffer.clear')],
  ['output_audio_buffer.clear', parseWith('output_audio_buffer.clear')],
  ['conversation.item.create', parseItemCreate],
  ['conversation.item.truncate', parseWith('conversation.item.truncate')],
  ['conversation.item.delete', parseWith('conversation.item.delete')],
  ['conversation.item.retrieve', parseWith('conversation.item.retrieve')],
  ['response.create', parseResponseCreate],
  ['response.cancel', parseWith('response.cancel')],
]);

function parseSessionUpdate(event: JsonObject, check: Check): ClientEvent {
  const { type, event_id, session } = check(sessionUpdate, event);
  refuseBadModalities(session.modalities, 'session.modalities');
  refuseBadTools(session.tools, 'session.tools');
  return { type, event_id, session: toCoreUpdate(session) };
}

function parseTranscriptionUpdate(event: JsonObject, check: Check): ClientEvent {
  const { event_id, session } = check(transcriptionUpdate, event);
  return { type: 'session.update', event_id, session: toCoreTranscriptionUpdate(session) };
}

function parseItemCreate(event: JsonObject, check: Check): ClientEvent {
  const { item, ...rest } = check(itemCreate, event);
  return { ...rest, item: toCoreItem(item) };
}

function parseResponseCreate(event: JsonObject, check: Check): ClientEvent {
  const { type, event_id, response } = check(responseCreate, event);
  if (!response) return { type, event_id };
  refuseBadModalities(response.modalities, 'response.modalities');
  refuseBadTools(response.tools, 'response.tools');
  const { modalities, voice, output_audio_format, max_response_output_tokens, temperature, input, ...common } =
    response;
  const parameters: ResponseParameters = {
    ...common,
    max_output_tokens: common.max_output_tokens ?? max_response_output_tokens,
    ...(temperature !== undefined && { temperature }),
    ...(input && { input: input.map(toCoreInput) }),
    ...(modalities && { output_modalities: toCoreModalities(modalities) }),
    audio: {
      output: {
        ...(voice !== undefined && { voice }),
        ...(output_audio_format && { format: toCoreFormat(output_audio_format) }),
      },
    },
  };
  return { type, event_id, response: parameters };
}

/** Text only, or text and audio in any order. @throws {WireError} */
export function refuseBadModalities(modalities: readonly string[] | undefined, param: string): void {
  if (modalities === undefined) return;
  const distinct = new Set(modalities);
  const fits = distinct.has('text') && distinct.size === modalities.length;
  if (!fits) throw wireErrors.invalidModalities(param, modalities, [['text'], ['audio', 'text']]);
}
