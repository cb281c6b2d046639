import { jsonLength } from '../../core/json-pieces.ts';
import type { ResponseFailure } from '../../protocol/errors/response-failures.ts';
import { copyItem, type Item } from '../../protocol/wire/items.ts';
import type { ContentPart, ResponseResource, ServerEvent, UnsentEvent } from '../../protocol/wire/server-events.ts';
import { noUsage } from '../../protocol/wire/usage.ts';

/** Maximum number of concurrent responses of an upstream that are tracked. */
const maxResponses = 64;
const maxItems = 256;
const maxParts = 64;
/** Characters of all open responses beyond which no more text is stored. */
const maxCharacters = 4 * 1024 ** 2;

interface OpenPart {
  index: number;
  audio: boolean;
  words: string;
  audioDone: boolean;
  wordsDone: boolean;
  done: boolean;
}

interface OpenItem {
  item: Item;
  /** The length of the item when it was stored. */
  characters: number;
  outputIndex: number;
  parts: Map<number, OpenPart>;
  /** Its position in the conversation, once known; undefined for out-of-band responses. */
  previousId: string | null | undefined;
  /** Announced as complete in the conversation. */
  settled: boolean;
  done: boolean;
}

interface OpenResponse {
  response: ResponseResource;
  items: Map<string, OpenItem>;
  characters: number;
}

/** The unfinished responses of an upstream: their missing events are sent when it is lost. */
export class OpenResponses {
  readonly #responses = new Map<string, OpenResponse>();
  #characters = 0;

  get size(): number {
    return this.#responses.size;
  }

  /** Each in its initial state. */
  get all(): ResponseResource[] {
    return [...this.#responses.values()].map(({ response }) => response);
  }

  /** A response in its initial state. */
  find(responseId: string): ResponseResource | undefined {
    return this.#responses.get(responseId)?.response;
  }

  /** Records an event that was passed on. */
  observe(event: ServerEvent): void {
    switch (event.type) {
      case 'response.created':
        return this.#begin(event.response);
      case 'response.done':
        this.#characters -= this.#responses.get(event.response.id)?.characters ?? 0;
        this.#responses.delete(event.response.id);
        return;
      case 'conversation.item.added':
      case 'conversation.item.done':
        return this.#addItem(event);
      case 'response.output_item.added':
      case 'response.output_item.done':
        return this.#item(event);
      default:
        if ('content_index' in event && 'response_id' in event) this.#notePart(event);
        else if (event.type === 'response.function_call_arguments.delta') this.#arguments(event);
    }
  }

  /**
   * The events that end every open response, in the order of docs/protocol.md §3 (e): open parts of each item, the item
   * as incomplete, and the response as failed.
   */
  fail(failure: ResponseFailure): UnsentEvent[] {
    const open = [...this.#responses.values()];
    this.#responses.clear();
    this.#characters = 0;
    return open.flatMap((response) => failedEvents(response, failure));
  }

  #begin(response: ResponseResource): void {
    if (this.#responses.size >= maxResponses || this.#responses.has(response.id)) return;
    const begun: OpenResponse = { response: { ...response, output: [] }, items: new Map(), characters: 0 };
    if (this.#hasRoom(begun, jsonLength(begun.response))) this.#responses.set(response.id, begun);
  }

  /** Counts characters of a response; returns false if there is no room for them. */
  #hasRoom(response: OpenResponse, characters: number): boolean {
    if (this.#characters + characters > maxCharacters) return false;
    this.#characters += characters;
    response.characters += characters;
    return true;
  }

  #itemOf(itemId: string): OpenItem | undefined {
    for (const { items } of this.#responses.values()) {
      const item = items.get(itemId);
      if (item) return item;
    }
    return undefined;
  }

  #addItem(event: Extract<ServerEvent, { type: 'conversation.item.added' | 'conversation.item.done' }>): void {
    const open = this.#itemOf(event.item.id);
    if (!open) return;
    open.previousId = event.previous_item_id;
    open.settled = event.type === 'conversation.item.done';
  }

  #item(event: Extract<ServerEvent, { type: 'response.output_item.added' | 'response.output_item.done' }>): void {
    const response = this.#responses.get(event.response_id);
    if (!response) return;
    const { items } = response;
    const known = items.get(event.item.id);
    const characters = jsonLength(event.item);
    if (!known && items.size >= maxItems) return;
    if (!this.#hasRoom(response, characters - (known?.characters ?? 0))) {
      if (known) known.done ||= event.type === 'response.output_item.done';
      return;
    }
    items.set(event.item.id, {
      characters,
      outputIndex: event.output_index,
      parts: known?.parts ?? new Map(),
      previousId: known?.previousId,
      settled: known?.settled ?? false,
      item: copyItem(event.item),
      done: event.type === 'response.output_item.done',
    });
  }

  #arguments(event: Extract<ServerEvent, { type: 'response.function_call_arguments.delta' }>): void {
    const response = this.#responses.get(event.response_id);
    const item = response?.items.get(event.item_id)?.item;
    if (!response || item?.type !== 'function_call') return;
    if (this.#hasRoom(response, event.delta.length)) item.arguments += event.delta;
  }

  #notePart(event: Extract<ServerEvent, { content_index: number; response_id: string }>): void {
    const response = this.#responses.get(event.response_id);
    const parts = response?.items.get(event.item_id)?.parts;
    if (!response || !parts) return;
    const index = event.content_index;
    if (event.type === 'response.content_part.added') {
      if (parts.size >= maxParts) return;
      const audio = event.part.type === 'audio';
      parts.set(index, { index, audio, words: '', audioDone: !audio, wordsDone: false, done: false });
      return;
    }
    const part = parts.get(index);
    if (!part) return;
    switch (event.type) {
      case 'response.output_text.delta':
      case 'response.output_audio_transcript.delta':
        if (this.#hasRoom(response, event.delta.length)) part.words += event.delta;
        return;
      case 'response.output_text.done':
      case 'response.output_audio_transcript.done':
        part.wordsDone = true;
        return;
      case 'response.output_audio.done':
        part.audioDone = true;
        return;
      case 'response.content_part.done':
        part.done = true;
    }
  }
}

function failedEvents({ response, items }: OpenResponse, failure: ResponseFailure): UnsentEvent[] {
  const { type, code, message } = failure;
  const all = [...items.values()].sort((a, b) => a.outputIndex - b.outputIndex);
  const ended = all.filter(({ done }) => !done).flatMap((item) => incompleteEvents(item, response.id));
  return [
    ...ended,
    {
      type: 'response.done',
      response: {
        ...response,
        status: 'failed',
        status_details: { type: 'failed', error: { type, code, message } },
        output: all.map(({ item }) => copyItem(item)),
        usage: noUsage,
      },
    },
  ];
}

/** An unfinished call has no `arguments.done`, because a client would run the tool on it. */
function incompleteEvents(open: OpenItem, responseId: string): UnsentEvent[] {
  const { item, outputIndex } = open;
  const at = { response_id: responseId, item_id: item.id, output_index: outputIndex };
  const parts = [...open.parts.values()].sort((a, b) => a.index - b.index);
  const events = parts.filter(({ done }) => !done).flatMap((part) => endOfPart(part, at));
  if ('object' in item) item.status = 'incomplete';
  if (item.type === 'message' && item.role === 'assistant') {
    item.content = parts.map(({ audio, words }) =>
      audio ? { type: 'output_audio', transcript: words } : { type: 'output_text', text: words },
    );
  }
  // A call of a tool may outlive its response: `OpenCalls` ends it.
  if ('object' in item && open.previousId !== undefined && !open.settled) {
    events.push({ type: 'conversation.item.done', previous_item_id: open.previousId, item: copyItem(item) });
  }
  const done = { response_id: responseId, output_index: outputIndex, item: copyItem(item) };
  return [...events, { type: 'response.output_item.done', ...done }];
}

function endOfPart(
  part: OpenPart,
  item: { response_id: string; item_id: string; output_index: number },
): UnsentEvent[] {
  const at = { ...item, content_index: part.index };
  const { words } = part;
  const whole: ContentPart = part.audio ? { type: 'audio', transcript: words } : { type: 'text', text: words };
  const events: UnsentEvent[] = [];
  if (!part.audioDone) events.push({ type: 'response.output_audio.done', ...at });
  if (!part.wordsDone) {
    events.push(
      part.audio
        ? { type: 'response.output_audio_transcript.done', ...at, transcript: words }
        : { type: 'response.output_text.done', ...at, text: words },
    );
  }
  return [...events, { type: 'response.content_part.done', ...at, part: whole }];
}
