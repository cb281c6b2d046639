/** Client events of the GA dialect: their schemas, and the types that a session receives. */

import { z } from 'zod';
import { integer } from '../parse/integer.ts';
import { inputItemSchema, itemIdSchema, itemSchema } from './items.ts';
import {
  audioFormatSchema,
  maxOutputTokensSchema,
  modalitiesSchema,
  promptSchema,
  reasoningSchema,
  sessionUpdateSchema,
  voiceSchema,
} from './session-config.ts';
import { toolChoiceSchema, toolsSchema } from './tools.ts';

const maxMetadataPairs = 16;
/** Checked before the entries are. */
export const metadataSchema = z.preprocess(
  (value, context) => {
    const tooMany = typeof value === 'object' && value !== null && Object.keys(value).length > maxMetadataPairs;
    if (tooMany) context.issues.push({ code: 'too_big', origin: 'object', maximum: maxMetadataPairs, input: value });
    return value;
  },
  z.record(z.string().max(64), z.string().max(512)),
);

const eventId = { event_id: z.string().max(512).nullish() };

const responseParameters = z.strictObject({
  conversation: z.enum(['auto', 'none']).optional(),
  input: z.array(inputItemSchema).optional(),
  instructions: z.string().optional(),
  output_modalities: modalitiesSchema.optional(),
  audio: z
    .strictObject({
      output: z.strictObject({ format: audioFormatSchema.optional(), voice: voiceSchema.optional() }).optional(),
    })
    .optional(),
  tools: toolsSchema.optional(),
  tool_choice: toolChoiceSchema.optional(),
  parallel_tool_calls: z.boolean().optional(),
  max_output_tokens: maxOutputTokensSchema.optional(),
  metadata: metadataSchema.nullish(),
  prompt: promptSchema.nullish(),
  reasoning: reasoningSchema.optional(),
});
/** Settings of a single response; only beta clients set a temperature. */
export type ResponseParameters = z.infer<typeof responseParameters> & { temperature?: number };

const emptyEvent = <T extends string>(type: T) => z.strictObject({ ...eventId, type: z.literal(type) });

/** The schema of each event type. `input_audio_buffer.append` has none: it has its own, faster parser. */
export const clientEventSchemas = {
  'session.update': z.strictObject({ ...eventId, type: z.literal('session.update'), session: sessionUpdateSchema }),
  'input_audio_buffer.commit': emptyEvent('input_audio_buffer.commit'),
  'input_audio_buffer.clear': emptyEvent('input_audio_buffer.clear'),
  'output_audio_buffer.clear': emptyEvent('output_audio_buffer.clear'),
  'conversation.item.create': z.strictObject({
    ...eventId,
    type: z.literal('conversation.item.create'),
    previous_item_id: z.string().nullish(),
    item: itemSchema,
  }),
  'conversation.item.truncate': z.strictObject({
    ...eventId,
    type: z.literal('conversation.item.truncate'),
    item_id: itemIdSchema,
    content_index: integer(0),
    audio_end_ms: integer(0),
  }),
  'conversation.item.delete': z.strictObject({
    ...eventId,
    type: z.literal('conversation.item.delete'),
    item_id: itemIdSchema,
  }),
  'conversation.item.retrieve': z.strictObject({
    ...eventId,
    type: z.literal('conversation.item.retrieve'),
    item_id: itemIdSchema,
  }),
  'response.create': z.strictObject({
    ...eventId,
    type: z.literal('response.create'),
    response: responseParameters.nullish(),
  }),
  'response.cancel': z.strictObject({
    ...eventId,
    type: z.literal('response.cancel'),
    response_id: z.string().nullish(),
  }),
} as const;

export interface AppendEvent {
  type: 'input_audio_buffer.append';
  event_id?: string | null;
  /** Base64, in the session's input format. */
  audio: string;
}

export type ClientEvent =
  | AppendEvent
  | {
      [T in keyof typeof clientEventSchemas]: z.infer<(typeof clientEventSchemas)[T]>;
    }[keyof typeof clientEventSchemas];
export type ClientEventType = ClientEvent['type'];
export type ClientEventOf<T extends ClientEventType> = Extract<ClientEvent, { type: T }>;
