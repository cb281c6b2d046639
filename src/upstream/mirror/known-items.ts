/** Converts items and responses of an upstream to the core's shapes, as far as the core has them. */

import { z } from 'zod';
import { type Item, phaseSchema } from '../../protocol/wire/items.ts';
import type { ResponseResource, Usage } from '../../protocol/wire/server-events.ts';
import { audioFormatSchema, maxOutputTokensSchema, voiceId, voiceSchema } from '../../protocol/wire/session-config.ts';
import { noUsage } from '../../protocol/wire/usage.ts';

/** Maximum length of ids that are stored. */
export const longestId = 512;

const absent = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const common = {
  id: z.string().max(longestId),
  object: z.literal('realtime.item').catch('realtime.item'),
  status: z.enum(['completed', 'incomplete', 'in_progress']).catch('completed'),
};
const inputText = z.object({ type: z.literal('input_text'), text: z.string() });
const inputAudio = z.object({
  type: z.literal('input_audio'),
  audio: absent(z.string()),
  transcript: z.string().nullish().default(null),
});
const inputImage = z.object({
  type: z.literal('input_image'),
  image_url: z.string(),
  detail: absent(z.enum(['auto', 'low', 'high'])),
});
const outputText = z.object({ type: z.literal('output_text'), text: z.string() });
const outputAudio = z.object({
  type: z.literal('output_audio'),
  audio: absent(z.string()),
  transcript: z.string().nullish().default(''),
});

/** Maximum number of members of a list, and pairs of metadata: checking a member takes tens of microseconds. */
const maxMembers = 256;
const maxMetadata = 16;

/** The beginning of a list, without the entries that do not match a schema. */
const arrayOf = <T extends z.ZodType>(schema: T) =>
  z.array(z.unknown()).transform((values) =>
    values.slice(0, maxMembers).flatMap((value) => {
      const result = schema.safeParse(value);
      return result.success ? [result.data] : [];
    }),
  );

const toolCallError = z.union([
  z.object({ type: z.literal('protocol_error'), code: z.number(), message: z.string() }),
  z.object({ type: z.literal('http_error'), code: z.number(), message: z.string() }),
  z.object({ type: z.literal('tool_execution_error'), message: z.string() }),
]);

const message = { ...common, type: z.literal('message') };
export const knownItem = z.union([
  z.object({ ...message, role: z.literal('system'), content: arrayOf(inputText) }),
  z.object({
    ...message,
    role: z.literal('user'),
    content: arrayOf(z.discriminatedUnion('type', [inputText, inputAudio, inputImage])),
  }),
  z.object({
    ...message,
    role: z.literal('assistant'),
    phase: phaseSchema.catch(undefined),
    content: arrayOf(z.discriminatedUnion('type', [outputText, outputAudio])),
  }),
  z.object({
    ...common,
    type: z.literal('function_call'),
    name: z.string(),
    call_id: absent(z.string().max(longestId)),
    arguments: z.string().default(''),
  }),
  z.object({
    ...common,
    type: z.literal('function_call_output'),
    call_id: z.string().max(longestId),
    output: z.string(),
  }),
  z.object({
    id: common.id,
    type: z.literal('mcp_call'),
    server_label: z.string(),
    name: z.string(),
    arguments: z.string().default(''),
    output: z
      .string()
      .nullish()
      .transform((output) => output ?? null),
    error: absent(toolCallError).catch(undefined),
    approval_request_id: absent(z.string()),
  }),
  z.object({
    id: common.id,
    type: z.literal('mcp_list_tools'),
    server_label: z.string(),
    tools: arrayOf(
      z.object({
        name: z.string(),
        input_schema: z.record(z.string(), z.unknown()),
        description: z.string().nullish(),
        annotations: z.record(z.string(), z.unknown()).nullish(),
      }),
    ),
  }),
  z.object({
    id: common.id,
    type: z.literal('mcp_approval_request'),
    server_label: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.object({
    id: common.id,
    type: z.literal('mcp_approval_response'),
    approval_request_id: z.string(),
    approve: z.boolean(),
    reason: z.string().nullish(),
  }),
]) satisfies z.ZodType<Item>;

const count = z.number().nonnegative().catch(0);
const noInput = noUsage.input_token_details;
const details = { text_tokens: count, audio_tokens: count };
const usage = z.object({
  total_tokens: count,
  input_tokens: count,
  output_tokens: count,
  input_token_details: z
    .object({
      ...details,
      image_tokens: count,
      cached_tokens: count,
      cached_tokens_details: z.object({ ...details, image_tokens: count }).catch(noInput.cached_tokens_details),
    })
    .catch(noInput),
  output_token_details: z.object(details).catch(noUsage.output_token_details),
}) satisfies z.ZodType<Usage>;

const pcm = { type: 'audio/pcm', rate: 24000 } as const;
const output = z.object({
  format: audioFormatSchema.catch(pcm),
  voice: voiceSchema.transform(voiceId).catch('alloy'),
});
const statusDetails = z.discriminatedUnion('type', [
  z.object({ type: z.literal('cancelled'), reason: z.enum(['turn_detected', 'client_cancelled']) }),
  z.object({ type: z.literal('incomplete'), reason: z.enum(['max_output_tokens', 'content_filter']) }),
  z.object({
    type: z.literal('failed'),
    error: z.object({
      type: z.string().catch('server_error'),
      code: z.string().catch('unknown'),
      message: z.string().catch('The response failed.'),
    }),
  }),
]);

export const knownResponse = z.object({
  object: z.literal('realtime.response').catch('realtime.response'),
  id: z.string().max(longestId),
  status: z.enum(['in_progress', 'completed', 'cancelled', 'incomplete', 'failed']).catch('completed'),
  status_details: statusDetails.nullable().catch(null),
  output: arrayOf(knownItem).catch([]),
  conversation_id: z.string().nullable().catch(null),
  output_modalities: z.array(z.enum(['text', 'audio'])).catch(['audio']),
  max_output_tokens: maxOutputTokensSchema.catch('inf'),
  audio: z.object({ output: output.catch({ format: pcm, voice: 'alloy' }) }).catch({
    output: { format: pcm, voice: 'alloy' },
  }),
  usage: usage.nullable().catch(null),
  metadata: z
    .unknown()
    .transform((pairs) => (Object.keys(Object(pairs)).length > maxMetadata ? null : pairs))
    .pipe(z.record(z.string(), z.string()).nullable().catch(null)),
}) satisfies z.ZodType<ResponseResource>;
