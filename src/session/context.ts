/** The conversation as a language model sees it. */

import type { Item } from '../protocol/items.ts';
import type { Entry } from './conversation.ts';
import type { ContextItem, ContextPart } from './ports.ts';
import type { StageError } from './stage.ts';
import { assistantAudioTokens, type TokenCost, userAudioTokens } from './token-cost.ts';

/** What a generation is made from: a copy that later changes do not touch. */
export interface ContextSnapshot {
  /** The conversation's version when it was taken. */
  readonly version: number;
  readonly items: readonly ContextItem[];
  /** What the model is asked with, instructions and tools included, by estimate. */
  readonly cost: TokenCost;
  /** Of that, what the model was asked with before. */
  readonly cached: TokenCost;
  /** Text tokens of the words that stand for the audio among the items: a model that hears no audio counts them. */
  readonly audioWords: number;
}

/**
 * Waits until every audio among the entries is transcribed; the failure of what the user said last, if it failed.
 * Rejects with the signal's reason.
 */
export async function awaitTranscripts(
  entries: readonly Entry[],
  signal: AbortSignal,
): Promise<StageError | undefined> {
  let failure: StageError | undefined;
  for (const { item, heard } of entries) {
    if (item.type === 'message' && item.role === 'user') failure = undefined;
    for (const audio of heard.values()) {
      const transcript = audio.known ?? (await audio.transcribed(signal));
      if ('failure' in transcript) failure ??= transcript.failure;
    }
  }
  return failure;
}

/** An entry as the model sees it, and what of it is audio. */
export interface ContextEntry {
  readonly item: ContextItem;
  /** By its length, rounded up for each part. */
  readonly audioTokens: number;
  /** The words of that audio, which stand for it in `item`. */
  readonly audioWords: readonly string[];
}

export function contextEntry(entry: Entry): ContextEntry {
  const { item } = entry;
  switch (item.type) {
    case 'function_call':
      return silent({ type: 'call', callId: item.call_id ?? item.id, name: item.name, arguments: item.arguments });
    case 'function_call_output':
      return silent({ type: 'call_output', callId: item.call_id, output: item.output });
    case 'message': {
      const parts = item.content.map((part, index) => contextPart(part, entry, index));
      return {
        item: { type: 'message', role: item.role, content: parts.flatMap(({ part }) => part ?? []) },
        audioTokens: parts.reduce((sum, { audioTokens }) => sum + audioTokens, 0),
        audioWords: parts.flatMap(({ part, audioTokens }) =>
          audioTokens > 0 && part?.type === 'text' ? part.text : [],
        ),
      };
    }
  }
}

function silent(item: ContextItem): ContextEntry {
  return { item, audioTokens: 0, audioWords: [] };
}

type Part = Extract<Item, { type: 'message' }>['content'][number];

function contextPart(part: Part, entry: Entry, index: number): { part?: ContextPart; audioTokens: number } {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return { ...words(part.text), audioTokens: 0 };
    case 'input_image':
      return {
        part: { type: 'image', url: part.image_url, ...(part.detail && { detail: part.detail }) },
        audioTokens: 0,
      };
    case 'input_audio': {
      const heard = entry.heard.get(index);
      const known = heard?.known;
      const text = known && 'text' in known ? known.text : (part.transcript ?? '');
      return { ...words(text), audioTokens: userAudioTokens(heard?.durationMs ?? 0) };
    }
    case 'output_audio': {
      const spoken = entry.spoken.get(index);
      const text = spoken?.transcript ?? part.transcript ?? '';
      return { ...words(text), audioTokens: assistantAudioTokens(spoken?.durationMs ?? 0) };
    }
  }
}

function words(text: string): { part?: ContextPart } {
  return text.trim() === '' ? {} : { part: { type: 'text', text } };
}
