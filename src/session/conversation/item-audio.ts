/**
 * Converts items between the wire and the conversation: separates a client's input into item and audio, and joins them.
 */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import { copyItem, type Item, type ItemInput, type ResponseInputItem } from '../../protocol/wire/items.ts';
import { mcpItem } from '../../protocol/wire/mcp-items.ts';
import { type AudioFormat, formatRateHz } from '../../protocol/wire/session-config.ts';
import type { AudioCodec, DecodedClips, FormattedAudio } from '../ports/audio-codec.ts';
import type { ConversationEntry } from './conversation.ts';

type InputPart = Extract<ItemInput, { role: 'user' }>['content'][number];

/** The audio of items' parts, or the error of decoding it. */
export type DecodedAudio = ReadonlyMap<InputPart, Int16Array | WireError>;

/** Decodes the audio of a client's items; a promise if that takes several turns of the event loop. */
export function decodeItems(
  items: readonly ResponseInputItem[],
  format: AudioFormat,
  codec: AudioCodec,
): DecodedAudio | Promise<DecodedAudio> {
  const parts = items.flatMap(audioParts);
  const byPart = (clips: DecodedClips) =>
    new Map(
      parts.flatMap(({ part }, index): [InputPart, Int16Array | WireError][] => {
        const clip = clips[index];
        return clip ? [[part, clip]] : [];
      }),
    );
  const clips = codec.decodeClips(
    parts.map(({ text }) => text),
    format,
  );
  return clips instanceof Promise ? clips.then(byPart) : byPart(clips);
}

function audioParts(item: ResponseInputItem): { part: InputPart; text: string }[] {
  if (item.type !== 'message' || item.role !== 'user') return [];
  return item.content.flatMap((part) => (part.type === 'input_audio' && part.audio ? { part, text: part.audio } : []));
}

/**
 * Creates the item of a client's input, with its id and status, and its audio by content index.
 * @throws {WireError} when its audio could not be decoded; `path` is the item's place in the event
 */
export function itemFromClient(
  input: ItemInput,
  { format, ids, path, decoded }: { format: AudioFormat; ids: IdSource; path: string; decoded: DecodedAudio },
): { item: Item; audio: Map<number, AudioClip> } {
  // As a `previous_item_id`, it would denote the head of the conversation.
  if (input.id === 'root') throw wireErrors.itemNamedRoot(`${path}.id`);
  const audio = new Map<number, AudioClip>();
  const id = input.id || ids('item');
  const common = { id, object: 'realtime.item', status: 'completed' } as const;
  if (input.type === 'function_call')
    return { item: { ...input, ...common, call_id: input.call_id ?? ids('call') }, audio };
  if (input.type === 'function_call_output') return { item: { ...input, ...common }, audio };
  if (input.type !== 'message') return { item: mcpItem(input, id), audio };
  if (input.role === 'system') return { item: { ...input, ...common }, audio };
  if (input.role === 'assistant') {
    // Assistant audio that a client sends back is its transcript (docs/protocol.md §3).
    const content = input.content.map((part) =>
      part.type === 'output_audio' ? { type: part.type, transcript: part.transcript ?? '' } : part,
    );
    return { item: { ...input, ...common, content }, audio };
  }
  const content = input.content.map((part, index) => {
    if (part.type !== 'input_audio') return part;
    const samples = decoded.get(part);
    if (samples) {
      if (samples instanceof WireError) throw samples.at(`${path}.content[${index}].audio`);
      if (samples.length > 0) audio.set(index, { samples, sampleRateHz: formatRateHz(format) });
    }
    return { type: part.type, transcript: part.transcript ?? null };
  });
  return { item: { ...input, ...common, content }, audio };
}

/** An item with the audio that is still stored, before it is encoded for a peer. */
export function itemWithAudio(entry: ConversationEntry): (codec: AudioCodec) => Promise<Item> {
  // Taken now, because it may be dropped or truncated during the encoding.
  const kept = copyItem(entry.item);
  const clips = kept.type === 'message' ? kept.content.flatMap((_part, index) => clipOf(entry, index)) : [];
  return async (codec) => {
    const item = copyItem(kept);
    const texts = await codec.encodeClips(clips);
    for (const [index, { contentIndex }] of clips.entries()) {
      const part = item.type === 'message' ? item.content[contentIndex] : undefined;
      const audio = texts[index];
      if (audio && (part?.type === 'input_audio' || part?.type === 'output_audio')) part.audio = audio;
    }
    return item;
  };
}

function clipOf(entry: ConversationEntry, contentIndex: number): (FormattedAudio & { contentIndex: number })[] {
  const source = entry.heard.get(contentIndex) ?? entry.spoken.get(contentIndex);
  const samples = source?.clip?.samples;
  return source && samples?.length ? [{ contentIndex, samples, format: source.format }] : [];
}
