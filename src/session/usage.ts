import type { TranscriptionUsage, Usage } from '../protocol/server-events.ts';
import type { ContextSnapshot } from './context.ts';
import type { ModelUsage, TokenCounter } from './ports.ts';
import { atMost, noTokens, totalTokens, userAudioTokens } from './token-cost.ts';

export interface Spent {
  /** What the model was asked with; absent when it was not. */
  input: ContextSnapshot | undefined;
  /** What was given out, by estimate. */
  output: { readonly text: number; readonly audio: number };
  /** The model's own figures, which win over estimates of text. */
  model: ModelUsage | undefined;
}

/** The rules stand in docs/protocol.md §3, and docs/usage.md says why. */
export function responseUsage({ input: asked, output: given, model }: Spent): Usage {
  const estimate = asked?.cost ?? noTokens;
  const input = { ...estimate, text: model && asked ? writtenInput(model, asked) : estimate.text };
  const text = model?.cachedInputTokens ?? asked?.cached.text ?? 0;
  const cached = atMost({ ...(asked?.cached ?? noTokens), text }, input);
  const output = { text: model?.outputTokens ?? given.text, audio: given.audio };
  const inputTokens = totalTokens(input);
  const outputTokens = output.text + output.audio;
  return {
    total_tokens: inputTokens + outputTokens,
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    input_token_details: {
      text_tokens: input.text,
      audio_tokens: input.audio,
      image_tokens: input.image,
      cached_tokens: totalTokens(cached),
      cached_tokens_details: { text_tokens: cached.text, audio_tokens: cached.audio, image_tokens: cached.image },
    },
    output_token_details: { text_tokens: output.text, audio_tokens: output.audio },
  };
}

/** A model that is given words for audio counts them, and images, among its tokens: they have figures of their own here. */
function writtenInput(model: ModelUsage, { audioWords, cost }: ContextSnapshot): number {
  return Math.max(0, model.inputTokens - audioWords - cost.image);
}

/** Models that the hosted service bills by tokens; all others by the length of the audio. */
const billedByTokens = /^gpt-(.+-)?transcribe\b/;

/** What a transcription cost, where the transcriber does not tell. */
export function transcriptionUsage(
  tokens: TokenCounter,
  {
    model,
    prompt,
    durationMs,
    transcript,
  }: { model?: string; prompt?: string; durationMs: number; transcript: string },
): TranscriptionUsage {
  if (!billedByTokens.test(model ?? '')) return { type: 'duration', seconds: durationMs / 1000 };
  const audio = userAudioTokens(durationMs);
  const text = prompt ? tokens.count(prompt) : 0;
  const output = transcript === '' ? 0 : tokens.count(transcript);
  return {
    type: 'tokens',
    total_tokens: audio + text + output,
    input_tokens: audio + text,
    output_tokens: output,
    input_token_details: { text_tokens: text, audio_tokens: audio },
  };
}
