/** Conversation items as GA clients and servers exchange them (`RealtimeConversationItem` of the official document). */

import { z } from 'zod';
import { type McpItem, type McpItemInput, mcpItemSchemas } from './mcp-items.ts';

/** Maximum length of an item id. */
const maxIdLength = 32;

/** Maximum number of parts of a message; far more than any client uses. */
const maxParts = 1024;

const idPattern = /^[a-zA-Z0-9_-]+$/;
/** An id that refers to an item: an upstream's are longer than those of this server. */
const itemId = z.string().max(512);
const newId = z.string().max(maxIdLength).regex(idPattern);
const status = z.enum(['completed', 'incomplete', 'in_progress']);
/** An empty id counts as absent. */
const ownId = z.preprocess((id) => (id === '' ? undefined : id), newId.optional());
const common = { id: ownId, object: z.literal('realtime.item').optional(), status: status.optional() };

/** `phase` of an assistant message. */
export const phaseSchema = z.enum(['commentary', 'final_answer']).optional();

export const inputText = z.strictObject({ type: z.literal('input_text'), text: z.string() });
export const inputAudio = z.strictObject({
  type: z.literal('input_audio'),
  audio: z.string().optional(),
  transcript: z.string().nullish(),
});
/** Maximum length of a URL; the bytes of an inline image are bounded by the frame. */
const maxImageAddressLength = 8192;
/** Checks only the beginning: the rest may be megabytes. */
const imageUrl = z
  .string()
  .refine(
    (url) =>
      /^data:image\/[\w.+-]+[;,]/i.test(url) ||
      (/^https?:\/\//i.test(url) && url.length <= maxImageAddressLength && URL.canParse(url)),
    `expected a 'data:image/…' URL, or an http or https address of at most ${maxImageAddressLength} characters`,
  );
const inputImage = z.strictObject({
  type: z.literal('input_image'),
  image_url: imageUrl,
  detail: z.enum(['auto', 'low', 'high']).optional(),
});
/**
 * Types that errors do not suggest: content that the hosted service refuses, and items that its list in such an error
 * lacks.
 */
export const unlistedTypes: ReadonlySet<string> = new Set([
  'output_audio',
  ...mcpItemSchemas.map(({ shape }) => shape.type.value),
]);
const outputText = z.strictObject({ type: z.literal('output_text'), text: z.string() });
const outputAudio = z.strictObject({
  type: z.literal('output_audio'),
  audio: z.string().optional(),
  transcript: z.string().nullish(),
});

export const systemMessageSchema = z.strictObject({
  ...common,
  type: z.literal('message'),
  role: z.literal('system'),
  content: z.array(z.discriminatedUnion('type', [inputText])).max(maxParts),
});
/** A user message with the content types of a dialect. */
export const userMessageWith = <Content extends z.ZodType>(content: Content) =>
  z.strictObject({
    ...common,
    type: z.literal('message'),
    role: z.literal('user'),
    content: z.array(content).max(maxParts),
  });
const userMessage = userMessageWith(z.discriminatedUnion('type', [inputText, inputAudio, inputImage]));
/** An assistant message with the content types of a dialect. */
export const assistantMessageWith = <Content extends z.ZodType>(content: Content) =>
  z.strictObject({
    ...common,
    type: z.literal('message'),
    role: z.literal('assistant'),
    content: z.array(content).max(maxParts),
  });
const assistantMessage = assistantMessageWith(z.discriminatedUnion('type', [outputText, outputAudio])).extend({
  /** Set by some models, and sent back by SDKs. */
  phase: phaseSchema,
});
export const functionCallSchema = z.strictObject({
  ...common,
  type: z.literal('function_call'),
  name: z.string(),
  call_id: newId.optional(),
  arguments: z.string(),
});
export const functionCallOutputSchema = z.strictObject({
  ...common,
  type: z.literal('function_call_output'),
  call_id: newId,
  output: z.string(),
});
const message = z.discriminatedUnion('role', [systemMessageSchema, userMessage, assistantMessage]);

/** An item as a client may create it. */
export const itemSchema = z.discriminatedUnion('type', [
  message,
  functionCallSchema,
  functionCallOutputSchema,
  ...mcpItemSchemas,
]);

export const itemReferenceSchema = z.strictObject({ type: z.literal('item_reference'), id: itemId });

/** An entry of a response's `input`: an item, or a reference to an item of the conversation. */
export const inputItemSchema = z.discriminatedUnion('type', [
  message,
  functionCallSchema,
  functionCallOutputSchema,
  ...mcpItemSchemas,
  itemReferenceSchema,
]);

export const itemIdSchema = itemId;

export type ItemStatus = z.infer<typeof status>;
export type ItemInput = z.infer<typeof itemSchema>;
/** Without the items about MCP servers. */
export type PlainItemInput = Exclude<ItemInput, McpItemInput>;
export type ResponseInputItem = z.infer<typeof inputItemSchema>;

/** An item of the conversation, created by a client or the server. */
export type Item = (PlainItemInput & { id: string; object: 'realtime.item'; status: ItemStatus }) | McpItem;
export type MessageItem = Extract<Item, { type: 'message' }>;
export type AssistantMessage = Extract<Item, { role: 'assistant' }>;
export type UserMessage = Extract<Item, { role: 'user' }>;
export type FunctionCallItem = Extract<Item, { type: 'function_call' }>;

/** A copy for an event, because an item in progress changes after it was announced. */
export function copyItem(item: Item): Item {
  return item.type === 'message'
    ? ({ ...item, content: item.content.map((part) => ({ ...part })) } as Item)
    : { ...item };
}
