/** The conversation as a language model sees it. */

import type { Item } from '../protocol/items.ts';
import type { Entry } from './conversation.ts';
import type { ContextItem, ContextPart } from './ports.ts';
import type { StageError } from './stage.ts';

/** What a generation is made from: a copy that later changes do not touch. */
export interface ContextSnapshot {
  /** The conversation's version when it was taken. */
  readonly version: number;
  readonly items: readonly ContextItem[];
  /** Lengths of the audio among the items, for usage. */
  readonly userAudioMs: number;
  readonly assistantAudioMs: number;
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

export function takeSnapshot(entries: readonly Entry[], version: number): ContextSnapshot {
  // Made once of each entry: a response's own input may refer to one of them thousands of times.
  const items = new Map([...new Set(entries)].map((entry) => [entry, contextItem(entry)]));
  return {
    version,
    items: entries
      .flatMap((entry) => items.get(entry) ?? [])
      .filter((item) => item.type !== 'message' || item.content.length > 0),
    userAudioMs: sumMs(entries.flatMap((entry) => [...entry.heard.values()])),
    assistantAudioMs: sumMs(entries.flatMap((entry) => [...entry.spoken.values()])),
  };
}

function sumMs(audio: readonly { durationMs: number }[]): number {
  return audio.reduce((total, { durationMs }) => total + durationMs, 0);
}

function contextItem(entry: Entry): ContextItem {
  const { item } = entry;
  switch (item.type) {
    case 'function_call':
      return { type: 'call', callId: item.call_id ?? item.id, name: item.name, arguments: item.arguments };
    case 'function_call_output':
      return { type: 'call_output', callId: item.call_id, output: item.output };
    case 'message':
      return {
        type: 'message',
        role: item.role,
        content: item.content.flatMap((part, index) => contextPart(part, entry, index)),
      };
  }
}

type Part = Extract<Item, { type: 'message' }>['content'][number];

function contextPart(part: Part, entry: Entry, index: number): ContextPart[] {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return words(part.text);
    case 'input_image':
      return [{ type: 'image', url: part.image_url, ...(part.detail && { detail: part.detail }) }];
    case 'input_audio': {
      const known = entry.heard.get(index)?.known;
      return words(known && 'text' in known ? known.text : (part.transcript ?? ''));
    }
    case 'output_audio':
      return words(entry.spoken.get(index)?.transcript ?? part.transcript ?? '');
  }
}

function words(text: string): ContextPart[] {
  return text.trim() === '' ? [] : [{ type: 'text', text }];
}
