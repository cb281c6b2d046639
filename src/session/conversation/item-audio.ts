/** Items at the edge of the conversation: what a client gives comes apart into item and audio, and back. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import { copyItem, type Item, type ItemInput } from '../../protocol/wire/items.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import type { ConversationEntry } from './conversation.ts';
import { decodeClip, encodeAudio, formatRateHz } from './wire-audio.ts';

/**
 * The item that a client's input becomes, with its id and status, and its audio by content index.
 * @throws {WireError} when audio is not base64; `path` is where the item stands in the event
 */
export function itemFromClient(
  input: ItemInput,
  format: AudioFormat,
  ids: IdSource,
  path: string,
): { item: Item; audio: Map<number, AudioClip> } {
  // It would read as the head of the conversation wherever another item names it as its predecessor.
  if (input.id === 'root')
    throw wireErrors.invalid(`${path}.id`, `Invalid '${path}.id': 'root' is not a name for an item.`);
  const audio = new Map<number, AudioClip>();
  const common = { id: input.id || ids('item'), object: 'realtime.item', status: 'completed' } as const;
  if (input.type === 'function_call')
    return { item: { ...input, ...common, call_id: input.call_id ?? ids('call') }, audio };
  if (input.type === 'function_call_output' || input.role === 'system') return { item: { ...input, ...common }, audio };
  if (input.role === 'assistant') {
    // Assistant audio that a client sends back is its transcript (docs/protocol.md §3).
    const content = input.content.map((part) =>
      part.type === 'output_audio' ? { type: part.type, transcript: part.transcript ?? '' } : part,
    );
    return { item: { ...input, ...common, content }, audio };
  }
  const content = input.content.map((part, index) => {
    if (part.type !== 'input_audio') return part;
    if (part.audio) {
      const samples = decodeAt(part.audio, format, `${path}.content[${index}].audio`);
      if (samples.length > 0) audio.set(index, { samples, sampleRateHz: formatRateHz(format) });
    }
    return { type: part.type, transcript: part.transcript ?? null };
  });
  return { item: { ...input, ...common, content }, audio };
}

function decodeAt(base64: string, format: AudioFormat, path: string): Int16Array {
  try {
    return decodeClip(base64, format);
  } catch (error) {
    if (error instanceof WireError) throw wireErrors.invalid(path, error.message.replace("'audio'", `'${path}'`));
    throw error;
  }
}

/** The item with the bytes of its audio, where they are still kept: what was heard, or spoken. */
export function retrievedItem(entry: ConversationEntry): Item {
  const item = copyItem(entry.item);
  if (item.type !== 'message') return item;
  for (const [index, part] of item.content.entries()) {
    if (part.type === 'input_audio') {
      const heard = entry.heard.get(index);
      if (heard?.clip) part.audio = encodeAudio(heard.clip.samples, heard.format);
    } else if (part.type === 'output_audio') {
      const spoken = entry.spoken.get(index);
      const samples = spoken?.clip.samples;
      if (spoken && samples?.length) part.audio = encodeAudio(samples, spoken.format);
    }
  }
  return item;
}
