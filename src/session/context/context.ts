/** The conversation as input of a language model. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import type { Item } from '../../protocol/wire/items.ts';
import type { McpCallItem } from '../../protocol/wire/mcp-items.ts';
import type { ConversationEntry } from '../conversation/conversation.ts';
import type { UserAudio } from '../conversation/user-audio.ts';
import type { GenerationItem } from '../generation/tool-names.ts';
import type { ContextItem, ContextPart } from '../ports/language-model.ts';
import type { StageError } from '../stage.ts';
import { assistantAudioTokens, type TokenCost, userAudioTokens } from './token-cost.ts';

/** The input of a generation: a copy that later changes do not affect. */
export interface ContextSnapshot {
  /** The conversation's version when the snapshot was taken. */
  readonly version: number;
  readonly items: readonly GenerationItem[];
  /** Estimated tokens of the prompt, including instructions and tools. */
  readonly cost: TokenCost;
  /** The cached part of `cost`: the common prefix with the previous prompt. */
  readonly cached: TokenCost;
  /** Text tokens of the transcripts that replace audio, which the model counts as text. */
  readonly audioWords: number;
  /** The audio tokens that the model receives as audio. */
  readonly soundTokens: number;
}

/** The audio that a model receives as audio; other audio is replaced by its transcript. */
export type AudioClips = ReadonlyMap<UserAudio, AudioClip>;

/**
 * For a model that accepts audio: the users' audio that is still stored. An item that occurs more than once is replaced
 * by its transcript, because an input may refer to minutes of audio thousands of times.
 */
export function soundsOf(entries: readonly ConversationEntry[]): AudioClips {
  const sounds = new Map<UserAudio, AudioClip>();
  const seen = new Set<ConversationEntry>();
  for (const entry of entries) {
    for (const audio of entry.heard.values()) {
      if (seen.has(entry)) sounds.delete(audio);
      else if (audio.clip && audio.durationMs > 0) sounds.set(audio, audio.clip);
    }
    seen.add(entry);
  }
  return sounds;
}

/**
 * Waits until all audio among the entries that is not passed as audio is transcribed; resolves with the failure of the
 * last message, if it failed. Rejects with the signal's reason.
 */
export async function awaitTranscripts(
  entries: readonly ConversationEntry[],
  sounds: AudioClips,
  signal: AbortSignal,
): Promise<StageError | undefined> {
  let failure: StageError | undefined;
  for (const { item, heard } of entries) {
    if (item.type === 'message' && item.role === 'user') failure = undefined;
    for (const audio of heard.values()) {
      if (sounds.has(audio)) continue;
      const transcript = audio.known ?? (await audio.transcribed(signal));
      if ('failure' in transcript) failure ??= transcript.failure;
    }
  }
  return failure;
}

/** Whether `awaitTranscripts` would not have to wait. */
export function transcriptsKnown(entries: readonly ConversationEntry[], sounds: AudioClips): boolean {
  return entries.every(({ heard }) => heard.values().every((audio) => sounds.has(audio) || audio.known !== undefined));
}

/** The model's input for an entry, and its audio. */
export interface ContextEntry {
  /** Two for a call whose output is in the same entry. */
  readonly items: readonly GenerationItem[];
  /** By duration, not rounded. */
  readonly audioTokens: number;
  /** The audio tokens in `items` that are passed as audio. */
  readonly soundTokens: number;
  /** The transcripts that replace the other audio in `items`. */
  readonly audioWords: readonly string[];
}

export function contextEntry(entry: ConversationEntry, sounds: AudioClips): ContextEntry {
  const { item } = entry;
  switch (item.type) {
    case 'function_call':
      if (item.status !== 'completed') return textEntry(cutCall(item.name));
      return textEntry({ type: 'call', callId: item.call_id ?? item.id, name: item.name, arguments: item.arguments });
    case 'function_call_output':
      return textEntry({ type: 'call_output', callId: item.call_id, output: item.output });
    case 'mcp_call':
      return textEntry(...serverCall(item));
    case 'mcp_list_tools':
    case 'mcp_approval_request':
    case 'mcp_approval_response':
      // The model gets imported tools as tools, and a rejection as the error of its call.
      return textEntry();
    case 'message': {
      const parts = item.content.map((part, index) => contextPart(part, entry, index, sounds));
      const tokensOf = (some: typeof parts) => some.reduce((sum, { audioTokens }) => sum + audioTokens, 0);
      return {
        items: [{ type: 'message', role: item.role, content: parts.flatMap(({ part }) => part ?? []) }],
        audioTokens: tokensOf(parts),
        soundTokens: tokensOf(parts.filter(({ part }) => part?.type === 'audio')),
        audioWords: parts.flatMap(({ part, audioTokens }) =>
          audioTokens > 0 && part?.type === 'text' ? part.text : [],
        ),
      };
    }
  }
}

/** Base64 characters of a 16-bit sample. */
const charactersPerSample = (2 * 4) / 3;

/** The size of an item as sent to a model, in characters; images and audio as base64. */
export function charactersInContext(item: ContextItem): number {
  if (item.type === 'call') return item.name.length + item.arguments.length;
  if (item.type === 'call_output') return item.output.length;
  return item.content.reduce((sum, part) => sum + charactersOfPart(part), 0);
}

function charactersOfPart(part: ContextPart): number {
  if (part.type === 'text') return part.text.length;
  if (part.type === 'image') return part.url.length;
  return part.clip.samples.length * charactersPerSample + (part.transcript?.length ?? 0);
}

/** An interrupted or truncated call: clients did not run it, and the model must not assume that they did. */
function cutCall(name: string): GenerationItem {
  const text = `The assistant began to call the function '${name}' and was cut off before the call was complete. The function was not run.`;
  return { type: 'message', role: 'system', content: [{ type: 'text', text }] };
}

function textEntry(...items: GenerationItem[]): ContextEntry {
  return { items, audioTokens: 0, soundTokens: 0, audioWords: [] };
}

/** The call of a server-side tool, and its result once it is known. */
function serverCall({ id, server_label, name, arguments: args, output, error }: McpCallItem): GenerationItem[] {
  const call: GenerationItem = { type: 'call', callId: id, server: server_label, name, arguments: args };
  const result = error ? `The tool failed: ${error.message}` : output;
  return result === null ? [call] : [call, { type: 'call_output', callId: id, output: result }];
}

type Part = Extract<Item, { type: 'message' }>['content'][number];

function contextPart(
  part: Part,
  entry: ConversationEntry,
  index: number,
  sounds: AudioClips,
): { part?: ContextPart; audioTokens: number } {
  switch (part.type) {
    case 'input_text':
    case 'output_text':
      return { ...words(part.text), audioTokens: 0 };
    case 'input_image':
      return {
        part: { type: 'image', url: part.image_url, detail: part.detail },
        audioTokens: 0,
      };
    case 'input_audio': {
      const heard = entry.heard.get(index);
      const known = heard?.known;
      const text = known && 'text' in known ? known.text : (part.transcript ?? '');
      const clip = heard && sounds.get(heard);
      const given: { part?: ContextPart } = clip
        ? { part: { type: 'audio', clip, ...(text && { transcript: text }) } }
        : words(text);
      return { ...given, audioTokens: userAudioTokens(heard?.durationMs ?? 0) };
    }
    case 'output_audio': {
      const heard = entry.spoken.get(index)?.heard;
      const text = heard?.transcript ?? part.transcript ?? '';
      return { ...words(text), audioTokens: assistantAudioTokens(heard?.durationMs ?? 0) };
    }
  }
}

function words(text: string): { part?: ContextPart } {
  return text.trim() === '' ? {} : { part: { type: 'text', text } };
}
