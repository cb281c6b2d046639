import type { Usage } from '../protocol/server-events.ts';
import type { ContextSnapshot } from './context.ts';
import type { ModelUsage } from './ports.ts';

/** A token of user audio stands for 100 ms, one of assistant audio for 50 ms (docs/protocol.md §3). */
const userAudioMsPerToken = 100;
const assistantAudioMsPerToken = 50;
/** The usual length of a token of English text; used where a model gives no figures of its own. */
const charactersPerToken = 4;

export interface Spent {
  snapshot: Pick<ContextSnapshot, 'items' | 'userAudioMs' | 'assistantAudioMs'>;
  instructions: string;
  /** All text and arguments that the model wrote. */
  outputCharacters: number;
  outputAudioMs: number;
  /** The model's own figures, which win over estimates of text. */
  model: ModelUsage | undefined;
}

export function responseUsage(spent: Spent): Usage {
  const inputText = spent.model?.inputTokens ?? textTokens(inputCharacters(spent));
  const outputText = spent.model?.outputTokens ?? textTokens(spent.outputCharacters);
  const inputAudio =
    Math.round(spent.snapshot.userAudioMs / userAudioMsPerToken) +
    Math.round(spent.snapshot.assistantAudioMs / assistantAudioMsPerToken);
  const outputAudio = Math.round(spent.outputAudioMs / assistantAudioMsPerToken);
  const cached = spent.model?.cachedInputTokens ?? 0;
  return {
    total_tokens: inputText + inputAudio + outputText + outputAudio,
    input_tokens: inputText + inputAudio,
    output_tokens: outputText + outputAudio,
    input_token_details: {
      text_tokens: inputText,
      audio_tokens: inputAudio,
      image_tokens: 0,
      cached_tokens: cached,
      cached_tokens_details: { text_tokens: cached, audio_tokens: 0, image_tokens: 0 },
    },
    output_token_details: { text_tokens: outputText, audio_tokens: outputAudio },
  };
}

function textTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken);
}

function inputCharacters({ snapshot, instructions }: Spent): number {
  return snapshot.items.reduce((total, item) => {
    if (item.type === 'call') return total + item.name.length + item.arguments.length;
    if (item.type === 'call_output') return total + item.output.length;
    return total + item.content.reduce((sum, part) => sum + (part.type === 'text' ? part.text.length : 0), 0);
  }, instructions.length);
}
