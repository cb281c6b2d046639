import type { TranscriptionUsage, Usage } from '../../protocol/wire/server-events.ts';
import { roundedDown } from '../../protocol/wire/usage.ts';
import type { ContextSnapshot } from '../context/context.ts';
import { capCost, noTokens, type TokenCost, totalTokens, userAudioTokens } from '../context/token-cost.ts';
import type { ModelUsage, TokenCounter } from '../ports/language-model.ts';

export interface ResponseTokens {
  /** The context that the model received; absent if it was not called. */
  input: ContextSnapshot | undefined;
  /** Estimated output tokens. */
  output: { readonly text: number; readonly audio: number };
  /** The model's own figures, which take precedence over estimates for its own input and output. */
  model: ModelUsage | undefined;
  /** Whether the model produced audio itself, so that its output tokens include it. */
  modelSpoke: boolean;
}

/**
 * The tokens that a response has really spent, with fractions of audio tokens: the wire shows `roundedUsage` of it. The
 * rules are in docs/protocol.md §3, the reasons in docs/usage.md.
 */
export function responseUsage({ input: asked, output: given, model: reported, modelSpoke }: ResponseTokens): Usage {
  const model = reported && validFigures(reported);
  const input = model && asked ? ownInput(model, asked) : (asked?.cost ?? noTokens);
  const text = model?.cachedInputTokens ?? asked?.cached.text ?? 0;
  const cached = capCost({ ...(asked?.cached ?? noTokens), text }, input);
  const output = model ? ownOutput(model, given, modelSpoke) : given;
  const inputTokens = totalTokens(input);
  const outputTokens = output.text + output.audio;
  const reasoned = Math.min(model?.reasoningTokens ?? 0, output.text);
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
    output_token_details: {
      ...{ text_tokens: output.text, audio_tokens: output.audio },
      ...(reasoned > 0 && { reasoning_tokens: reasoned }),
    },
  };
}

/** A model's figures as counts; invalid ones, such as negative numbers, are left out. */
function validFigures(reported: ModelUsage): ModelUsage | undefined {
  const isCount = (figure: number) => Number.isSafeInteger(figure) && figure >= 0;
  if (!isCount(reported.inputTokens) || !isCount(reported.outputTokens)) return undefined;
  const { cachedInputTokens: cached, audioInputTokens: heard, audioOutputTokens: spoken, reasoningTokens } = reported;
  return {
    inputTokens: reported.inputTokens,
    outputTokens: reported.outputTokens,
    ...(cached !== undefined && isCount(cached) && { cachedInputTokens: cached }),
    ...(heard !== undefined && isCount(heard) && { audioInputTokens: heard }),
    ...(spoken !== undefined && isCount(spoken) && { audioOutputTokens: spoken }),
    ...(reasoningTokens !== undefined && isCount(reasoningTokens) && { reasoningTokens }),
  };
}

/**
 * A model counts transcripts that replace audio, images, and input audio among its tokens; here they have separate
 * figures.
 */
function ownInput(model: ModelUsage, { audioWords, soundTokens, cost }: ContextSnapshot): TokenCost {
  const sound = model.audioInputTokens ?? roundedDown(soundTokens);
  const text = Math.max(0, model.inputTokens - sound - audioWords - cost.image);
  return { text, audio: cost.audio - soundTokens + sound, image: cost.image };
}

function ownOutput(model: ModelUsage, given: ResponseTokens['output'], modelSpoke: boolean): ResponseTokens['output'] {
  if (!modelSpoke) return { text: model.outputTokens, audio: given.audio };
  const audio = model.audioOutputTokens ?? roundedDown(given.audio);
  return { text: Math.max(0, model.outputTokens - audio), audio };
}

/** Models that the hosted service bills by tokens; all others are billed by the duration of the audio. */
const billedByTokens = /^gpt-(.+-)?transcribe\b/;

/** The usage of a transcription for which the transcriber reports none; the wire shows `roundedTranscriptionUsage` of it. */
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
