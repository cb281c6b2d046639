import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { ServerEvent } from '../../protocol/wire/server-events.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import { isOutOfBand, type Outgoing } from './outgoing.ts';

/** Maximum number of tracked requests: an upstream that leaves this many unanswered does not answer. */
const maxEvents = 256;
const maxCharacters = 32 * 1024 ** 2;

/**
 * Client events that the upstream has not answered. When a connection is lost they are sent again, because the new
 * session does not know them. Appends have no answer, and a cancel has nothing left to cancel.
 */
export class InFlight {
  #events: Outgoing[] = [];
  #characters = 0;

  /** Whether a response was requested and has not started. */
  get awaitsResponse(): boolean {
    return this.#events.some(({ event }) => event.type === 'response.create');
  }

  /** The format of input audio after all requested updates; undefined if none of them sets one. */
  get inputFormat(): AudioFormat | undefined {
    const formats = this.#events.flatMap(({ event }) =>
      event.type === 'session.update' ? (event.session.audio?.input?.format ?? []) : [],
    );
    return formats.at(-1);
  }

  add(sent: Outgoing): void {
    if (!answered.has(sent.event.type)) return;
    this.#events.push(sent);
    this.#characters += sent.frame.length;
    while (this.#events.length > maxEvents || (this.#characters > maxCharacters && this.#events.length > 1)) {
      const oldest = this.#events[0];
      if (oldest) this.#remove(oldest);
    }
  }

  /** Removes and returns the request that an event of the upstream answers. */
  answer(event: ServerEvent): Outgoing | undefined {
    const sent = this.#events.find((each) => isAnswerTo(event, each.event));
    if (sent) this.#remove(sent);
    return sent;
  }

  /** An event was refused. */
  refused(sequence: number): void {
    const sent = this.#events.find((each) => each.sequence === sequence);
    if (sent) this.#remove(sent);
  }

  /** Removes and returns all requests, in order. */
  takeAll(): Outgoing[] {
    const events = this.#events;
    this.#events = [];
    this.#characters = 0;
    return events;
  }

  #remove(sent: Outgoing): void {
    this.#events = this.#events.filter((each) => each !== sent);
    this.#characters -= sent.frame.length;
  }
}

const answered: ReadonlySet<ClientEvent['type']> = new Set([
  'session.update',
  'input_audio_buffer.commit',
  'input_audio_buffer.clear',
  'conversation.item.create',
  'conversation.item.truncate',
  'conversation.item.delete',
  'conversation.item.retrieve',
  'response.create',
]);

function isAnswerTo(event: ServerEvent, request: ClientEvent): boolean {
  switch (request.type) {
    case 'session.update':
      return event.type === 'session.updated';
    case 'input_audio_buffer.commit':
      return event.type === 'input_audio_buffer.committed';
    case 'input_audio_buffer.clear':
      return event.type === 'input_audio_buffer.cleared';
    case 'conversation.item.create':
      return event.type === 'conversation.item.added' && event.item.id === request.item.id;
    case 'conversation.item.truncate':
      return event.type === 'conversation.item.truncated' && event.item_id === request.item_id;
    case 'conversation.item.delete':
      return event.type === 'conversation.item.deleted' && event.item_id === request.item_id;
    case 'conversation.item.retrieve':
      return event.type === 'conversation.item.retrieved' && event.item.id === request.item_id;
    case 'response.create':
      return event.type === 'response.created' && (event.response.conversation_id === null) === isOutOfBand(request);
    default:
      return false;
  }
}
