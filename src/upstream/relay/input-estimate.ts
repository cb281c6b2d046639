import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { ItemInput } from '../../protocol/wire/items.ts';
import type { ServerEvent } from '../../protocol/wire/server-events.ts';
import { userAudioTokens } from '../../session/context/token-cost.ts';

const charactersPerToken = 4;
/** 16 bits at 24 kHz, as base64. */
const audioCharactersPerMs = 64;
/** For an image of 1024 × 1024 pixels. */
const imageTokens = 765;
/** More than the context of any model: the upstream's figure is not trusted. */
const mostTokens = 1_000_000;

/**
 * Estimates the input of the next response of an upstream: the input of its last response in the conversation, and the
 * client events since.
 */
export class InputEstimate {
  #conversation = 0;
  #head = 0;

  /** Records an event to the upstream. */
  sent(event: ClientEvent): void {
    if (event.type === 'conversation.item.create') this.#conversation += itemTokens(event.item);
    if (event.type === 'session.update') this.#head = Math.max(this.#head, textTokens(JSON.stringify(event.session)));
  }

  /** Records an event from the upstream. */
  received(event: ServerEvent): void {
    if (event.type !== 'response.done') return;
    const { conversation_id, usage } = event.response;
    // A response that ended before any output reports zeros, which say nothing about the conversation.
    if (conversation_id === null || !usage?.total_tokens) return;
    this.#conversation = usage.total_tokens;
    this.#head = 0;
  }

  /** In tokens. `event` requests the response; without it, the upstream starts the response by itself. */
  estimate(event?: Extract<ClientEvent, { type: 'response.create' }>): number {
    const { input, ...parameters } = event?.response ?? {};
    const own = input?.reduce((sum, item) => sum + (item.type === 'item_reference' ? 0 : itemTokens(item)), 0) ?? 0;
    const asked = event ? textTokens(JSON.stringify(parameters)) : 0;
    return Math.min(this.#conversation + this.#head + own + asked, mostTokens);
  }
}

function itemTokens(item: ItemInput): number {
  if (item.type === 'function_call') return textTokens(item.name + item.arguments);
  if (item.type === 'function_call_output') return textTokens(item.output);
  if (item.type !== 'message') return textTokens(JSON.stringify(item));
  let tokens = 0;
  for (const part of item.content) {
    if (part.type === 'input_image') tokens += imageTokens;
    if ('text' in part) tokens += textTokens(part.text ?? '');
    if ('audio' in part) tokens += userAudioTokens((part.audio?.length ?? 0) / audioCharactersPerMs);
  }
  return tokens;
}

function textTokens(text: string): number {
  return Math.ceil(text.length / charactersPerToken);
}
