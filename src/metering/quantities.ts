import type { TranscriptionUsage, Usage } from '../protocol/wire/server-events.ts';

/** Tokens of responses, each counted once: input that was cached is not among the other input. */
export const responseTokenKinds = [
  'text-input',
  'text-cached-input',
  'text-output',
  'audio-input',
  'audio-cached-input',
  'audio-output',
  'image-input',
  'image-cached-input',
] as const;
/** Tokens of transcriptions whose model is billed by tokens. */
export const transcriptionTokenKinds = [
  'transcription-text-input',
  'transcription-audio-input',
  'transcription-output',
] as const;

/** The sound that `/v1/audio/speech` made of a text, as tokens of audio. */
export const speechTokenKinds = ['speech-output'] as const;

export type ResponseTokenKind = (typeof responseTokenKinds)[number];
export type TranscriptionTokenKind = (typeof transcriptionTokenKinds)[number];
export type TokenKind = ResponseTokenKind | TranscriptionTokenKind | (typeof speechTokenKinds)[number];

/** `cancelled`: whoever asked left before it was done. `refused`: the key had used its tokens of the minute. */
export type AudioRequestStatus = 'completed' | 'failed' | 'cancelled' | 'refused';

/** What was used: tokens by their kind, and the milliseconds of audio that were transcribed and billed by their length. */
export type Quantities = Partial<Record<TokenKind | 'transcription-ms', number>>;

/** No single response and no single clip comes near it. */
const mostAtOnce = 1e9;

/** An upstream's figure as one that can be added up: whole, not negative, and not beyond all measure. */
export function clampAmount(amount: number): number {
  return Number.isNaN(amount) ? 0 : Math.min(mostAtOnce, Math.max(0, Math.round(amount)));
}

export function responseQuantities({ input_token_details: input, output_token_details: output }: Usage): Quantities {
  const cached = input.cached_tokens_details;
  return {
    'text-input': clampAmount(input.text_tokens - cached.text_tokens),
    'text-cached-input': clampAmount(cached.text_tokens),
    'text-output': clampAmount(output.text_tokens),
    'audio-input': clampAmount(input.audio_tokens - cached.audio_tokens),
    'audio-cached-input': clampAmount(cached.audio_tokens),
    'audio-output': clampAmount(output.audio_tokens),
    'image-input': clampAmount(input.image_tokens - cached.image_tokens),
    'image-cached-input': clampAmount(cached.image_tokens),
  };
}

export function transcriptionQuantities(usage: TranscriptionUsage): Quantities {
  if (usage.type === 'duration') return { 'transcription-ms': clampAmount(usage.seconds * 1000) };
  return {
    'transcription-text-input': clampAmount(usage.input_token_details.text_tokens),
    'transcription-audio-input': clampAmount(usage.input_token_details.audio_tokens),
    'transcription-output': clampAmount(usage.output_tokens),
  };
}

/** Those that are not 0. */
export function quantitiesIn(quantities: Quantities): [keyof Quantities, number][] {
  const entries = Object.entries(quantities) as [keyof Quantities, number][];
  return entries.filter(([, amount]) => amount !== 0);
}
