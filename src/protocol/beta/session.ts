/**
 * The beta dialect's flat session (types `beta/realtime` of the official Node SDK), converted to and from the core's.
 */

import { z } from 'zod';
import {
  type AudioFormat,
  includeSchema,
  maxOutputTokensSchema,
  modalitiesSchema,
  noiseReductionSchema,
  type RealtimeConfig,
  type RealtimeUpdate,
  type SessionUpdate,
  type TranscriptionConfig,
  tracingSchema,
  transcriptionSchema,
  turnDetectionSchema,
  type VoiceName,
  voiceId,
} from '../wire/session-config.ts';
import { functionToolChoiceSchema, functionToolsSchema } from '../wire/tools.ts';

/** The temperature in beta events if no client has set one. */
export const defaultTemperature = 0.8;

const formats = {
  pcm16: { type: 'audio/pcm', rate: 24000 },
  g711_ulaw: { type: 'audio/pcmu' },
  g711_alaw: { type: 'audio/pcma' },
} as const satisfies Record<string, AudioFormat>;
export type BetaFormat = keyof typeof formats;
export const formatSchema = z.enum(['pcm16', 'g711_ulaw', 'g711_alaw']);
export const voiceSchema = z.string().min(1).max(64);
export const temperatureSchema = z.number().min(0.6).max(1.2);
const noDetection = z.strictObject({ type: z.literal('none') }).transform(() => null);
const detectionSchema = z.discriminatedUnion('type', [noDetection, ...turnDetectionSchema.options]);
// The fields in the beta types: GA's `languages`, `keywords`, `delay` and `strength` came later.
const betaTranscriptionSchema = transcriptionSchema.pick({ model: true, language: true, prompt: true });
const betaNoiseReductionSchema = noiseReductionSchema.pick({ type: true });

/** `session` of the beta `session.update`. `client_secret` belongs to the REST API and is ignored. */
export const sessionSchema = z.strictObject({
  model: z.string().optional(),
  modalities: modalitiesSchema.optional(),
  instructions: z.string().optional(),
  voice: voiceSchema.optional(),
  speed: z.number().min(0.25).max(1.5).optional(),
  input_audio_format: formatSchema.optional(),
  output_audio_format: formatSchema.optional(),
  input_audio_transcription: betaTranscriptionSchema.nullish(),
  input_audio_noise_reduction: betaNoiseReductionSchema.nullish(),
  turn_detection: detectionSchema.nullish(),
  tools: functionToolsSchema.optional(),
  tool_choice: functionToolChoiceSchema.optional(),
  temperature: temperatureSchema.optional(),
  max_response_output_tokens: maxOutputTokensSchema.optional(),
  tracing: tracingSchema.nullish(),
  client_secret: z.unknown().optional(),
});
type InputConfig = RealtimeConfig['audio']['input'];
export type BetaSessionUpdate = z.infer<typeof sessionSchema>;

/** Converts a beta update to the core's; undefined keys change nothing. */
export function toCoreUpdate(session: BetaSessionUpdate): RealtimeUpdate {
  const { voice, speed } = session;
  return {
    type: 'realtime',
    model: session.model,
    instructions: session.instructions,
    tools: session.tools,
    tool_choice: session.tool_choice,
    tracing: session.tracing,
    temperature: session.temperature,
    max_output_tokens: session.max_response_output_tokens,
    output_modalities: session.modalities && toCoreModalities(session.modalities),
    audio: {
      input: toCoreInputAudio(session),
      output: {
        format: session.output_audio_format && toCoreFormat(session.output_audio_format),
        voice,
        speed,
      },
    },
  };
}

/** `session` of `transcription_session.update`. */
export const transcriptionSessionSchema = z.strictObject({
  input_audio_format: formatSchema.optional(),
  input_audio_transcription: betaTranscriptionSchema.nullish(),
  input_audio_noise_reduction: betaNoiseReductionSchema.nullish(),
  turn_detection: detectionSchema.nullish(),
  include: includeSchema,
  modalities: modalitiesSchema.optional(),
  client_secret: z.unknown().optional(),
});

export function toCoreTranscriptionUpdate(session: z.infer<typeof transcriptionSessionSchema>): SessionUpdate {
  return { type: 'transcription', include: session.include, audio: { input: toCoreInputAudio(session) } };
}

/** A transcription session in the beta dialect. */
export function toBetaTranscriptionSession({ id, object, expires_at, include, audio }: TranscriptionConfig): object {
  const { format, transcription, noise_reduction, turn_detection } = audio.input;
  return {
    id,
    object,
    expires_at,
    input_audio_format: toBetaFormat(format),
    input_audio_transcription: toBetaTranscription(transcription),
    input_audio_noise_reduction: toBetaNoiseReduction(noise_reduction),
    turn_detection,
    include,
  };
}

function toCoreInputAudio(
  session: Pick<BetaSessionUpdate, (`input_audio_${string}` & keyof BetaSessionUpdate) | 'turn_detection'>,
) {
  return {
    format: session.input_audio_format && toCoreFormat(session.input_audio_format),
    transcription: session.input_audio_transcription,
    noise_reduction: session.input_audio_noise_reduction,
    turn_detection: session.turn_detection,
  };
}

/** Without the fields that a GA client of the same session may have set and beta does not have. */
function toBetaTranscription(transcription: InputConfig['transcription']): object | null {
  if (transcription === null) return null;
  const { languages: _gaOnly, keywords: _gaOnlyToo, delay: _gaOnlyAlso, ...rest } = transcription;
  return rest;
}

function toBetaNoiseReduction(reduction: InputConfig['noise_reduction']): object | null {
  if (reduction === null) return null;
  const { strength: _gaOnly, ...rest } = reduction;
  return rest;
}

/** The core's configuration in the beta dialect. */
export function toBetaSession(config: RealtimeConfig): object {
  const { input, output } = config.audio;
  return {
    id: config.id,
    object: config.object,
    model: config.model,
    expires_at: config.expires_at,
    modalities: toBetaModalities(config.output_modalities),
    instructions: config.instructions,
    voice: toBetaVoice(output.voice),
    speed: output.speed,
    input_audio_format: toBetaFormat(input.format),
    output_audio_format: toBetaFormat(output.format),
    input_audio_transcription: toBetaTranscription(input.transcription),
    input_audio_noise_reduction: toBetaNoiseReduction(input.noise_reduction),
    turn_detection: toBetaDetection(input.turn_detection),
    // A GA client of the session, or its client secret, may have set the other tools.
    tools: config.tools.filter(({ type }) => type === 'function'),
    tool_choice: toBetaToolChoice(config.tool_choice),
    temperature: config.temperature ?? defaultTemperature,
    max_response_output_tokens: config.max_output_tokens,
    tracing: config.tracing,
  };
}

/** Beta cannot name a tool of an MCP server. */
function toBetaToolChoice(choice: RealtimeConfig['tool_choice']): RealtimeConfig['tool_choice'] {
  return typeof choice === 'object' && choice.type === 'mcp' ? 'auto' : choice;
}

function toBetaDetection(detection: InputConfig['turn_detection']): object | null {
  if (detection?.type !== 'server_vad') return detection;
  const { idle_timeout_ms: _gaOnly, ...rest } = detection;
  return rest;
}

/** Beta's `["text", "audio"]` is GA's `["audio"]`: speech always has a transcript. */
export function toCoreModalities(modalities: readonly string[]): ('text' | 'audio')[] {
  return modalities.includes('audio') ? ['audio'] : ['text'];
}

export function toBetaModalities(modalities: readonly string[]): string[] {
  return modalities.includes('audio') ? ['text', 'audio'] : ['text'];
}

export function toCoreFormat(format: BetaFormat): AudioFormat {
  return formats[format];
}

export function toBetaFormat(format: AudioFormat): BetaFormat {
  return format.type === 'audio/pcm' ? 'pcm16' : format.type === 'audio/pcmu' ? 'g711_ulaw' : 'g711_alaw';
}

export function toBetaVoice(voice: VoiceName): string {
  return voiceId(voice);
}
