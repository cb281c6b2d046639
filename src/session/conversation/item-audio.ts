/** Items at the edge of the conversation: what a client gives comes apart into item and audio, and back. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import { copyItem, type Item, type ItemInput, type ResponseInputItem } from '../../protocol/wire/items.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import type { ConversationEntry } from './conversation.ts';
import {
  codingTurns,
  decodeClip,
  decodeClipInTurns,
  encodeAudioInTurns,
  formatRateHz,
  takesTurns,
} from './wire-audio.ts';

type InputPart = Extract<ItemInput, { role: 'user' }>['content'][number];

/** The audio of items' parts, or why it cannot be decoded. */
export type DecodedAudio = ReadonlyMap<InputPart, Int16Array | WireError>;

/** Decodes the audio of a client's items; a promise where that takes several turns of the event loop. */
export function decodeItems(
  items: readonly ResponseInputItem[],
  format: AudioFormat,
): DecodedAudio | Promise<DecodedAudio> {
  const parts = items.flatMap(audioParts);
  const characters = parts.reduce((sum, { base64 }) => sum + base64.length, 0);
  if (takesTurns(characters)) return decodeInTurns(parts, format);
  const decoded = new Map<InputPart, Int16Array | WireError>();
  for (const { part, base64 } of parts) {
    try {
      decoded.set(part, decodeClip(base64, format));
    } catch (error) {
      decoded.set(part, asWireError(error));
    }
  }
  return decoded;
}

async function decodeInTurns(parts: readonly AudioPart[], format: AudioFormat): Promise<DecodedAudio> {
  const decoded = new Map<InputPart, Int16Array | WireError>();
  const eventLoopYield = codingTurns();
  for (const { part, base64 } of parts) {
    decoded.set(part, await decodeClipInTurns(base64, format, eventLoopYield).catch(asWireError));
  }
  return decoded;
}

interface AudioPart {
  part: InputPart;
  base64: string;
}

function audioParts(item: ResponseInputItem): AudioPart[] {
  if (item.type !== 'message' || item.role !== 'user') return [];
  return item.content.flatMap((part) =>
    part.type === 'input_audio' && part.audio ? { part, base64: part.audio } : [],
  );
}

function asWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  throw error;
}

/**
 * The item that a client's input becomes, with its id and status, and its audio by content index.
 * @throws {WireError} when its audio could not be decoded; `path` is where the item stands in the event
 */
export function itemFromClient(
  input: ItemInput,
  { format, ids, path, decoded }: { format: AudioFormat; ids: IdSource; path: string; decoded: DecodedAudio },
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
    const samples = decoded.get(part);
    if (samples) {
      if (samples instanceof WireError) throw at(`${path}.content[${index}].audio`, samples);
      if (samples.length > 0) audio.set(index, { samples, sampleRateHz: formatRateHz(format) });
    }
    return { type: part.type, transcript: part.transcript ?? null };
  });
  return { item: { ...input, ...common, content }, audio };
}

function at(path: string, { message }: WireError): WireError {
  return wireErrors.invalid(path, message.replace("'audio'", `'${path}'`));
}

/** The item with the bytes of its audio, where they are still kept: what was heard, or spoken. */
export async function retrievedItem(entry: ConversationEntry): Promise<Item> {
  const item = copyItem(entry.item);
  if (item.type !== 'message') return item;
  // At once: it may be dropped while other parts are encoded.
  const audio = item.content.flatMap((part, index) => {
    const source = part.type === 'input_audio' ? entry.heard.get(index) : entry.spoken.get(index);
    const samples = source?.clip?.samples;
    if (part.type !== 'input_audio' && part.type !== 'output_audio') return [];
    return source && samples?.length ? { part, samples, format: source.format } : [];
  });
  const eventLoopYield = codingTurns();
  for (const { part, samples, format } of audio) part.audio = await encodeAudioInTurns(samples, format, eventLoopYield);
  return item;
}
