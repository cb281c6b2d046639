/** Usage as the wire shows it (docs/protocol.md §3): audio in whole tokens, durations in whole seconds. */

import type { TranscriptionUsage, Usage } from './server-events.ts';

/** Sums of fractions may miss a whole number by this much. */
const tolerance = 1e-6;

/** The usage of a response that ended before any output. */
export const noUsage: Usage = {
  total_tokens: 0,
  input_tokens: 0,
  output_tokens: 0,
  input_token_details: {
    text_tokens: 0,
    audio_tokens: 0,
    image_tokens: 0,
    cached_tokens: 0,
    cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 0, audio_tokens: 0 },
};

/** Rounds audio tokens down and adds up the totals again. */
export function roundedUsage({ input_token_details: input, output_token_details: output }: Usage): Usage {
  const { text_tokens, image_tokens, cached_tokens_details: cached } = input;
  const cachedDetails = { ...cached, audio_tokens: roundedDown(cached.audio_tokens) };
  const inputDetails = { text_tokens, audio_tokens: roundedDown(input.audio_tokens), image_tokens };
  const outputDetails = { ...output, audio_tokens: roundedDown(output.audio_tokens) };
  const inputTokens = sum(inputDetails);
  const outputTokens = outputDetails.text_tokens + outputDetails.audio_tokens;
  return {
    total_tokens: inputTokens + outputTokens,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    input_token_details: { ...inputDetails, cached_tokens: sum(cachedDetails), cached_tokens_details: cachedDetails },
    output_token_details: outputDetails,
  };
}

/** Rounds seconds up, and audio tokens down. */
export function roundedTranscriptionUsage(usage: TranscriptionUsage): TranscriptionUsage {
  if (usage.type === 'duration') return { type: 'duration', seconds: Math.ceil(usage.seconds - tolerance) };
  const { text_tokens, audio_tokens } = usage.input_token_details;
  const details = { text_tokens, audio_tokens: roundedDown(audio_tokens) };
  const less = audio_tokens - details.audio_tokens;
  return {
    ...usage,
    total_tokens: Math.round(usage.total_tokens - less),
    input_tokens: Math.round(usage.input_tokens - less),
    input_token_details: details,
  };
}

export function roundedDown(tokens: number): number {
  return Math.floor(tokens + tolerance);
}

function sum(details: Readonly<Record<string, number>>): number {
  return Object.values(details).reduce((total, tokens) => total + tokens, 0);
}
