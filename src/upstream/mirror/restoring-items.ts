/** Converts the items of a lost session to items for its replacement: audio becomes text. */

import type { Item } from '../../protocol/wire/items.ts';
import type { JsonObject } from '../link/json.ts';
import type { MirroredItem } from './conversation-mirror.ts';
import { knownItem } from './known-items.ts';

/** Replaces user audio without a transcript. */
export const unknownSpeech = '[The user said something here; what it was is not known.]';

/** The item to create, with its id; undefined for an unfinished call, which cannot be restored. */
export function restoringItem(mirrored: MirroredItem): JsonObject | undefined {
  const item = knownItem.safeParse(mirrored.item).data;
  // The new session imports tools itself, and knows no earlier requests for approval.
  if (item?.type === 'mcp_list_tools' || item?.type === 'mcp_approval_request') return undefined;
  if (item?.type === 'mcp_approval_response') return undefined;
  // A call of a tool goes back with all its fields.
  if (!item || item.type === 'mcp_call') {
    const { object: _object, status: _status, ...unknown } = mirrored.item;
    return unknown;
  }
  const { id } = mirrored;
  switch (item.type) {
    case 'function_call':
      if (item.status !== 'completed') return undefined;
      return { id, type: item.type, name: item.name, call_id: item.call_id, arguments: item.arguments };
    case 'function_call_output':
      return { id, type: item.type, call_id: item.call_id, output: item.output };
    case 'message':
      return {
        id,
        type: item.type,
        role: item.role,
        ...(item.role === 'assistant' && item.phase && { phase: item.phase }),
        content: contentOf(item, mirrored),
      };
  }
}

/** Whether an item had audio, of which the new session has only the text. */
export function hadAudio({ item }: MirroredItem): boolean {
  const known = knownItem.safeParse(item).data;
  return known?.type === 'message' && known.content.some(({ type }) => type === 'output_audio');
}

function contentOf(item: Extract<Item, { type: 'message' }>, mirrored: MirroredItem): object[] {
  switch (item.role) {
    case 'system':
      return item.content.map(({ type, text }) => ({ type, text }));
    case 'user':
      return item.content.map((part, index) => {
        if (part.type === 'input_text') return { type: part.type, text: part.text };
        if (part.type === 'input_image') {
          return { type: part.type, image_url: part.image_url, detail: part.detail };
        }
        const words = mirrored.transcripts.get(index) ?? part.transcript;
        return { type: 'input_text', text: words?.trim() ? words : unknownSpeech };
      });
    case 'assistant':
      return item.content.map((part) => ({
        type: 'output_text',
        text: part.type === 'output_text' ? part.text : playedPart(part.transcript ?? '', mirrored),
      }));
  }
}

/** The transcript up to the truncation of its playback: in proportion to time, ending at a word boundary. */
function playedPart(transcript: string, { audioMs, heardMs }: MirroredItem): string {
  if (heardMs === undefined || heardMs >= audioMs) return transcript;
  const end = Math.ceil((transcript.length * heardMs) / audioMs);
  const wordEnd = transcript.slice(end).search(/\s|$/);
  return transcript.slice(0, end + Math.max(0, wordEnd)).trimEnd();
}
