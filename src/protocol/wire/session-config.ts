/** The session configuration on the wire: schema, defaults, and updates. */

import { z } from 'zod';
import { wireErrors } from '../errors/wire-errors.ts';
import { integer } from '../parse/integer.ts';
import { type Tool, type ToolChoice, toolChoiceSchema, toolsSchema } from './tools.ts';

/** The voices of the official document. */
// biome-ignore format: one line reads best
export const voices = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', 'cedar'] as const;

// Bounds rather than a literal: the hosted service answers another rate with `integer_below_min_value`.
const pcmRate = integer(24000, 24000).transform(() => 24000 as const);
const pcm = z.strictObject({ type: z.literal('audio/pcm'), rate: pcmRate.default(24000) });
const pcmu = z.strictObject({ type: z.literal('audio/pcmu') });
const pcma = z.strictObject({ type: z.literal('audio/pcma') });
export const audioFormatSchema = z.discriminatedUnion('type', [pcm, pcmu, pcma]);
export const voiceSchema = z.union([z.string().min(1).max(64), z.strictObject({ id: z.string().min(1).max(64) })]);
/** Maximum length of a list whose values may repeat. */
const maxValues = 16;

export const modalitiesSchema = z.array(z.enum(['text', 'audio'])).max(maxValues);
export const maxOutputTokensSchema = z.union([integer(1, 4096), z.literal('inf')]);

const serverVad = z.strictObject({
  type: z.literal('server_vad'),
  threshold: z.number().min(0).max(1).default(0.5),
  prefix_padding_ms: integer(0, 5000).default(300),
  silence_duration_ms: integer(0, 10000).default(500),
  idle_timeout_ms: integer(5000, 30000).nullable().default(null),
  create_response: z.boolean().default(true),
  interrupt_response: z.boolean().default(true),
});
const semanticVad = z.strictObject({
  type: z.literal('semantic_vad'),
  eagerness: z.enum(['low', 'medium', 'high', 'auto']).default('auto'),
  create_response: z.boolean().default(true),
  interrupt_response: z.boolean().default(true),
});
export const turnDetectionSchema = z.discriminatedUnion('type', [serverVad, semanticVad]);

export const transcriptionSchema = z.strictObject({
  model: z.string().max(128).optional(),
  language: z.string().max(64).nullish(),
  languages: z.array(z.string().max(64)).max(32).optional(),
  keywords: z.array(z.string().max(256)).max(256).optional(),
  prompt: z.string().max(16_384).nullish(),
  delay: z.enum(['minimal', 'low', 'medium', 'high', 'xhigh']).optional(),
});
export const noiseReductionSchema = z.strictObject({
  type: z.enum(['near_field', 'far_field']).optional(),
  strength: z.number().min(0).max(1).optional(),
});

export const tracingSchema = z.union([
  z.literal('auto'),
  z.strictObject({
    workflow_name: z.string().optional(),
    group_id: z.string().optional(),
    metadata: z.unknown().optional(),
  }),
]);
const truncationSchema = z.union([
  z.enum(['auto', 'disabled']),
  z.strictObject({
    type: z.literal('retention_ratio'),
    retention_ratio: z.number().min(0).max(1),
    token_limits: z.strictObject({ post_instructions: integer(0).optional() }).optional(),
  }),
]);
export const promptSchema = z.strictObject({
  id: z.string(),
  version: z.string().nullish(),
  variables: z
    .record(z.string(), z.union([z.string(), z.strictObject({ type: z.literal('input_text'), text: z.string() })]))
    .nullish(),
});
export const reasoningSchema = z.strictObject({
  effort: z.enum(['minimal', 'low', 'medium', 'high', 'xhigh']).optional(),
});

const inputUpdate = z
  .strictObject({
    format: audioFormatSchema.optional(),
    transcription: transcriptionSchema.nullish(),
    noise_reduction: noiseReductionSchema.nullish(),
    turn_detection: turnDetectionSchema.nullish(),
  })
  .optional();
export const includeSchema = z
  .array(z.enum(['item.input_audio_transcription.logprobs']))
  .max(maxValues)
  .nullish();

/** `session.update` of a transcription session. */
const transcriptionUpdateSchema = z.strictObject({
  type: z.literal('transcription'),
  include: includeSchema,
  audio: z.strictObject({ input: inputUpdate }).optional(),
});

/** `session.update` of a realtime session. Absent fields do not change. */
const realtimeUpdateSchema = z.strictObject({
  type: z.literal('realtime'),
  model: z.string().optional(),
  output_modalities: modalitiesSchema.optional(),
  instructions: z.string().optional(),
  tools: toolsSchema.optional(),
  tool_choice: toolChoiceSchema.optional(),
  parallel_tool_calls: z.boolean().optional(),
  max_output_tokens: maxOutputTokensSchema.optional(),
  reasoning: reasoningSchema.optional(),
  tracing: tracingSchema.nullish(),
  truncation: truncationSchema.optional(),
  prompt: promptSchema.nullish(),
  include: includeSchema,
  audio: z
    .strictObject({
      input: inputUpdate,
      output: z
        .strictObject({
          format: audioFormatSchema.optional(),
          voice: voiceSchema.optional(),
          speed: z.number().min(0.25).max(1.5).optional(),
        })
        .optional(),
    })
    .optional(),
});

export const sessionUpdateSchema = z.discriminatedUnion('type', [realtimeUpdateSchema, transcriptionUpdateSchema]);

export type SessionUpdate = RealtimeUpdate | z.infer<typeof transcriptionUpdateSchema>;
/** An update in the core: beta clients may set a temperature, which GA sessions do not show. */
export type RealtimeUpdate = z.infer<typeof realtimeUpdateSchema> & { temperature?: number };
export type AudioFormat = z.infer<typeof audioFormatSchema>;

/** The sample rate of a format; 8 kHz for G.711. */
export function formatRateHz(format: AudioFormat): number {
  return format.type === 'audio/pcm' ? format.rate : 8000;
}

export type TurnDetection = z.infer<typeof turnDetectionSchema>;
export type VoiceName = z.infer<typeof voiceSchema>;
export type Modality = 'text' | 'audio';

/** The effective configuration of a realtime session, with all defaults filled in. */
export interface RealtimeConfig {
  type: 'realtime';
  object: 'realtime.session';
  id: string;
  model: string;
  output_modalities: Modality[];
  instructions: string;
  tools: Tool[];
  tool_choice: ToolChoice;
  parallel_tool_calls?: boolean;
  max_output_tokens: number | 'inf';
  /** Set by beta clients and passed to the model; omitted from GA events. */
  temperature?: number;
  reasoning?: z.infer<typeof reasoningSchema>;
  tracing: z.infer<typeof tracingSchema> | null;
  truncation: z.infer<typeof truncationSchema>;
  prompt: z.infer<typeof promptSchema> | null;
  /** Seconds since the epoch. */
  expires_at: number;
  include: 'item.input_audio_transcription.logprobs'[] | null;
  audio: {
    input: {
      format: AudioFormat;
      transcription: z.infer<typeof transcriptionSchema> | null;
      noise_reduction: z.infer<typeof noiseReductionSchema> | null;
      turn_detection: TurnDetection | null;
    };
    output: { format: AudioFormat; voice: VoiceName; speed: number };
  };
}

/** Turn detection of a transcription session, without the fields about responses. */
type TranscriptionTurnDetection =
  | Omit<Extract<TurnDetection, { type: 'server_vad' }>, 'create_response' | 'interrupt_response' | 'idle_timeout_ms'>
  | Omit<Extract<TurnDetection, { type: 'semantic_vad' }>, 'create_response' | 'interrupt_response'>;

/** The effective configuration of a transcription session. */
export interface TranscriptionConfig {
  type: 'transcription';
  object: 'realtime.transcription_session';
  id: string;
  /** Seconds since the epoch. */
  expires_at: number;
  include: RealtimeConfig['include'];
  audio: {
    input: Omit<RealtimeConfig['audio']['input'], 'turn_detection'> & {
      turn_detection: TranscriptionTurnDetection | null;
    };
  };
}

export type SessionConfig = RealtimeConfig | TranscriptionConfig;
export type SessionType = SessionConfig['type'];

/** The initial configuration of a session (docs/protocol.md §2). `expiresAt` in seconds since the epoch. */
export function defaultRealtimeConfig(base: { id: string; model: string; expiresAt: number }): RealtimeConfig {
  return {
    type: 'realtime',
    object: 'realtime.session',
    id: base.id,
    model: base.model,
    output_modalities: ['audio'],
    instructions: '',
    tools: [],
    tool_choice: 'auto',
    max_output_tokens: 'inf',
    tracing: null,
    truncation: 'auto',
    prompt: null,
    expires_at: base.expiresAt,
    include: null,
    audio: {
      input: {
        format: { type: 'audio/pcm', rate: 24000 },
        transcription: null,
        noise_reduction: null,
        turn_detection: turnDetectionSchema.parse({ type: 'server_vad' }),
      },
      output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'alloy', speed: 1 },
    },
  };
}

/**
 * The configuration after an update: `audio`, `audio.input` and `audio.output` merge by key, every other field is
 * replaced (but an absent strength of noise reduction remains), and defaults that the hosted service shows as null are
 * filled in. The model of the connection does not change (docs/protocol.md §2). In a transcription session whose model
 * has no turn detection, that is null.
 */
export function applyUpdate(current: RealtimeConfig, update: SessionUpdate): RealtimeConfig {
  const { audio, type, ...fields } = update;
  const { model: _kept, ...rest } = 'model' in fields ? fields : { ...fields, model: undefined };
  const { transcription, noise_reduction, ...otherInput } = audio?.input ?? {};
  const { strength } = current.audio.input.noise_reduction ?? {};
  const input = {
    ...current.audio.input,
    ...withoutUndefined({
      ...otherInput,
      transcription: transcription && withNulls(transcription),
      noise_reduction: noise_reduction && withoutUndefined({ strength, ...noise_reduction }),
    }),
  };
  const tools = rest.tools?.map(withDescription);
  return {
    ...current,
    ...withoutUndefined({ ...rest, tools }),
    audio: {
      input:
        type === 'transcription' && namesStreamingModel(input.transcription)
          ? { ...input, turn_detection: null }
          : input,
      output: { ...current.audio.output, ...withoutUndefined(audio && 'output' in audio ? (audio.output ?? {}) : {}) },
    },
  };
}

/** A function as the session shows it. */
function withDescription(tool: Tool): Tool {
  return tool.type === 'function' ? { ...tool, description: tool.description ?? null } : tool;
}

/** A transcription as the session shows it. */
function withNulls({ model, language = null, prompt = null, ...rest }: z.infer<typeof transcriptionSchema>) {
  return { model, language, prompt, ...rest };
}

/**
 * Transcription models that send words during speech. In a transcription session their clients commit the audio
 * themselves.
 */
const streamingModels = /^gpt-(live-transcribe|realtime-whisper)(-\d{4}-\d{2}-\d{2})?$/;

export function namesStreamingModel(transcription: RealtimeConfig['audio']['input']['transcription']): boolean {
  return streamingModels.test(transcription?.model ?? '');
}

/** Refuses turn detection that `applyUpdate` would drop. @throws {WireError} */
export function refuseTurnDetection(update: SessionUpdate, { audio }: RealtimeConfig): void {
  const unsupported = update.type === 'transcription' && namesStreamingModel(audio.input.transcription);
  if (unsupported && update.audio?.input?.turn_detection) throw wireErrors.turnDetectionUnsupported();
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Drops undefined values, so that a spread keeps the previous ones. */
function withoutUndefined<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}

/** The name of a voice, including custom ones. */
export function voiceId(voice: VoiceName): string {
  return typeof voice === 'string' ? voice : voice.id;
}
