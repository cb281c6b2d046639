/** Answers of engines in a cassette: the events of `session/ports/` as JSON, with the samples stored separately. */

import { z } from 'zod';
import { listedToolSchema } from '../../protocol/wire/mcp-items.ts';
import type { RecordedStage } from './format.ts';

const text = z.string();
const count = z.number();

export const transcriptAnswer = z.discriminatedUnion('type', [
  z.object({ type: z.literal('segment'), text, speaker: z.string(), start: count, end: count }),
  /** `audioMs`: the audio of the open turn when the transcriber yielded the words. */
  z.object({ type: z.literal('delta'), text, audioMs: count.optional() }),
  z.object({ type: z.literal('done'), text, confidence: count.optional(), endOfSentence: count.optional() }),
]);

const usage = z.object({
  inputTokens: count,
  outputTokens: count,
  cachedInputTokens: count.optional(),
  audioInputTokens: count.optional(),
  audioOutputTokens: count.optional(),
  reasoningTokens: count.optional(),
});

export const modelAnswer = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text }),
  z.object({ type: z.literal('thinking') }),
  z.object({ type: z.literal('audio'), transcript: z.string() }),
  z.object({ type: z.literal('call'), callId: z.string().optional(), name: z.string() }),
  z.object({ type: z.literal('call_arguments'), delta: z.string() }),
  z.object({ type: z.literal('call_end') }),
  z.object({
    type: z.literal('finish'),
    reason: z.enum(['stop', 'length', 'content_filter']),
    usage: usage.optional(),
    leftOut: z.enum(['reasoning', 'open_reasoning', 'calls']).optional(),
  }),
]);

const word = z.object({ startChar: count, endChar: count, startMs: count, endMs: count });

export const voiceAnswer = z.object({ words: z.array(word).optional() });

/** The result of a server-side tool. */
export const toolAnswer = z.union([
  z.object({ output: text }),
  z.object({
    error: z.union([
      z.object({ type: z.literal('tool_execution_error'), message: text }),
      z.object({ type: z.enum(['protocol_error', 'http_error']), code: count, message: text }),
    ]),
  }),
]);

/** The tools of an MCP server, and the operator's terms of approval. */
export const importAnswer = z.object({
  tools: z.array(listedToolSchema),
  approval: z.enum(['always', 'never']).optional(),
});

/** By the kind of request. */
export const answerSchemas = {
  transcriber: transcriptAnswer,
  languageModel: modelAnswer,
  voice: voiceAnswer,
  tool: toolAnswer,
  import: importAnswer,
} as const satisfies Record<RecordedStage, z.ZodType>;
