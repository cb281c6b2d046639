/**
 * Items in the beta dialect: assistant content is `text` and `audio` instead of `output_text` and `output_audio`, and
 * user content has no images.
 */

import { z } from 'zod';
import {
  assistantMessageWith,
  functionCallOutputSchema,
  functionCallSchema,
  type Item,
  type ItemInput,
  inputAudio,
  inputText,
  itemReferenceSchema,
  type ResponseInputItem,
  systemMessageSchema,
  userMessageWith,
} from '../wire/items.ts';
import { mcpItemSchemas } from '../wire/mcp-items.ts';

const text = z.strictObject({ type: z.literal('text'), text: z.string() });
const audio = z.strictObject({
  type: z.literal('audio'),
  audio: z.string().optional(),
  transcript: z.string().nullish(),
});
const message = z.discriminatedUnion('role', [
  systemMessageSchema,
  userMessageWith(z.discriminatedUnion('type', [inputText, inputAudio])),
  assistantMessageWith(z.discriminatedUnion('type', [text, audio])),
]);

export const itemSchema = z.discriminatedUnion('type', [
  message,
  functionCallSchema,
  functionCallOutputSchema,
  ...mcpItemSchemas,
]);
export const inputItemSchema = z.discriminatedUnion('type', [
  message,
  functionCallSchema,
  functionCallOutputSchema,
  ...mcpItemSchemas,
  itemReferenceSchema,
]);

export function toCoreItem(item: z.infer<typeof itemSchema>): ItemInput {
  if (item.type !== 'message' || item.role !== 'assistant') return item;
  const content = item.content.map((part) =>
    part.type === 'text'
      ? { type: 'output_text' as const, text: part.text }
      : { ...part, type: 'output_audio' as const },
  );
  return { ...item, content };
}

export function toCoreInput(item: z.infer<typeof inputItemSchema>): ResponseInputItem {
  return item.type === 'item_reference' ? item : toCoreItem(item);
}

export function toBetaItem(item: Item): object {
  if (item.type !== 'message' || item.role === 'system') return item;
  if (item.role === 'user') {
    // Another client of the session may have sent one.
    return { ...item, content: item.content.filter((part) => part.type !== 'input_image') };
  }
  const { phase: _gaOnly, ...message } = item;
  const content = item.content.map((part) => ({ ...part, type: part.type === 'output_text' ? 'text' : 'audio' }));
  return { ...message, content };
}
