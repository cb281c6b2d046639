import { isJsonObject } from '../../core/json.ts';
import type { ResponseFailure } from '../../protocol/errors/response-failures.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import type {
  RateLimit,
  RelayedEvent,
  ResponseResource,
  ServerEvent,
  UnsentEvent,
} from '../../protocol/wire/server-events.ts';
import type { AudioFormat, RealtimeConfig, SessionType } from '../../protocol/wire/session-config.ts';
import { sessionKinds } from '../../protocol/wire/session-kinds.ts';
import { type JsonObject, objectAt, type UpstreamEvent } from '../link/json.ts';
import { isOwnEvent, type OpenedUpstream, type UpstreamSetup } from '../link/upstream-handshake.ts';
import type { EventIds } from '../relay/event-ids.ts';
import { InFlight } from '../relay/in-flight.ts';
import type { Outgoing } from '../relay/outgoing.ts';
import { ConversationMirror, type MirrorLimits } from './conversation-mirror.ts';
import { isKnownType, knownEvent } from './known-events.ts';
import { OpenCalls } from './open-calls.ts';
import { OpenResponses } from './open-responses.ts';
import { hadAudio, restoringItem } from './restoring-items.ts';
import { SessionMirror } from './session-mirror.ts';

/** An event for clients: for all of them, or for the one that caused it. */
interface Delivery {
  event: RelayedEvent;
  /** The number of the peer; undefined for all. */
  to?: number | undefined;
  /** The number of the client event that this answers or refuses; undefined if unknown. */
  answers?: number | undefined;
}

export interface UpstreamStateOptions {
  session: JsonObject;
  type: SessionType;
  /** Seconds since the epoch. */
  endsAt: number;
  /** The update that opened the session. */
  initial: JsonObject | undefined;
  /** GA paths of locked fields. */
  lockedFields: readonly string[];
  limits: MirrorLimits;
  ids: IdSource;
  /** Event ids of clients on their way to the upstream. */
  eventIds: EventIds;
  /** Limits reported to clients in place of the upstream's; undefined keeps those. */
  rateLimits(): readonly RateLimit[];
  odd(problem: string): void;
}

const longestEventId = 512;

/**
 * State of an upstream's session, derived from the relayed events: enough to end its responses properly when the
 * upstream is lost, and to restore the session on another connection.
 */
export class UpstreamState {
  readonly session: SessionMirror;
  readonly #options: UpstreamStateOptions;
  readonly #conversation: ConversationMirror;
  readonly #responses = new OpenResponses();
  readonly #calls = new OpenCalls();
  readonly #inFlight = new InFlight();
  /** Items of a lost session, which exist as text in the current one. */
  #restored = new Set<string>();
  #spoken = new Set<string>();
  /** The conversation id that clients know; restored sessions have others. */
  #conversationId: string | undefined;
  #buffered = false;
  #owesAnswer = false;
  /** Whether the session was restored: its event ids may repeat those of the first. */
  #followsAnother = false;
  #expired = false;

  constructor(options: UpstreamStateOptions) {
    this.#options = options;
    this.session = new SessionMirror(options.session, options);
    this.#conversation = new ConversationMirror(options.limits);
  }

  get config(): RealtimeConfig {
    return this.session.config;
  }

  /** Whether a response is running or requested. */
  get responding(): boolean {
    return this.#responses.size > 0 || this.#inFlight.awaitsResponse;
  }

  /** Whether the upstream still has to respond to a turn that its voice activity detection ended. */
  get owesAnswer(): boolean {
    return this.#owesAnswer;
  }

  /** Whether a response or a transcript is pending. */
  get busy(): boolean {
    return this.responding || this.#owesAnswer || this.#conversation.awaitsTranscript;
  }

  /** The format of the input audio that goes up now. */
  get inputFormat(): AudioFormat {
    return this.#inFlight.inputFormat ?? this.config.audio.input.format;
  }

  /** The format of a response's audio. */
  formatOf(responseId: string): AudioFormat {
    return (this.#responses.find(responseId) ?? this.config).audio.output.format;
  }

  get running(): boolean {
    return this.#responses.size > 0;
  }

  /** The running responses, in their initial state. */
  get openResponses(): ResponseResource[] {
    return this.#responses.all;
  }

  /** Whether the upstream has announced the session's expiry. */
  get expired(): boolean {
    return this.#expired;
  }

  // ---- To the upstream ----

  /** The immediate answer to a client event about audio that the upstream does not have any more. */
  answer({ event }: Outgoing): UnsentEvent | undefined {
    if (event.type !== 'conversation.item.truncate' || !this.#spoken.has(event.item_id)) return undefined;
    const { type: _type, event_id: _id, ...cut } = event;
    return { type: 'conversation.item.truncated', ...cut };
  }

  /** Records an event to the upstream. */
  sent(sent: Outgoing): void {
    if (sent.event.type === 'input_audio_buffer.append') this.#buffered = true;
    this.#inFlight.add(sent);
  }

  // ---- From the upstream ----

  /** Processes an event of the upstream; undefined if it is not for clients. */
  take(given: UpstreamEvent): Delivery | undefined {
    const event = this.#withId(given);
    if (event.type === 'error') return this.#error(event);
    if (event.type === 'session.updated') return this.#updated(event);
    if (event.type === 'session.created' || this.#isEchoOfRestoring(event)) return undefined;
    const known = knownEvent(event);
    if (!known && isKnownType(event.type)) this.#options.odd(`a malformed ${event.type}`);
    return this.#deliver(event, known);
  }

  #deliver(event: UpstreamEvent, known: ServerEvent | undefined): Delivery {
    if (event.type === 'conversation.item.added' || event.type === 'conversation.item.done') {
      this.#conversation.observeItem(event);
    }
    if (!known) return { event: { relayed: event, known } };
    const shown = this.#relayed(event, known);
    const answered = this.#inFlight.answer(known);
    if (shown.known.type === 'response.created') {
      shown.known = this.#withTemperature(shown.known, answered);
    } else if (shown.known.type === 'response.done') {
      shown.known = this.#withTemperature(shown.known, undefined);
    }
    this.#observe(shown.known);
    return { event: shown, answers: answered?.sequence };
  }

  #observe(event: ServerEvent): void {
    const { audio } = this.config;
    if (event.type === 'input_audio_buffer.speech_stopped') {
      this.#owesAnswer =
        sessionKinds[this.session.type].answers && (audio.input.turn_detection?.create_response ?? false);
    }
    if (event.type === 'response.created' || event.type === 'input_audio_buffer.speech_started')
      this.#owesAnswer = false;
    const transcribes = audio.input.transcription !== null || sessionKinds[this.session.type].transcribes;
    this.#conversation.observe(event, { format: audio.output.format, transcribes });
    this.#responses.observe(event);
    this.#calls.observe(event);
    if (event.type === 'conversation.item.deleted') {
      this.#restored.delete(event.item_id);
      this.#spoken.delete(event.item_id);
    }
    if (event.type === 'input_audio_buffer.committed' || event.type === 'input_audio_buffer.cleared') {
      this.#buffered = false;
    }
  }

  #withId(event: UpstreamEvent): UpstreamEvent {
    const { event_id: id } = event;
    if (!this.#followsAnother && typeof id === 'string' && id !== '' && id.length <= longestEventId) return event;
    return { ...event, event_id: this.#options.ids('event') };
  }

  #updated(event: UpstreamEvent): Delivery | undefined {
    if (!isJsonObject(event.session)) return undefined;
    this.session.replace(event.session);
    const shown = this.session.event('session.updated', String(event.event_id));
    const asked = shown.known && this.#inFlight.answer(shown.known);
    if (asked?.update === undefined) return { event: shown };
    this.session.accept(asked.update);
    if (asked.temperature !== undefined) this.session.temperature = asked.temperature;
    return { event: this.session.event('session.updated', String(event.event_id)) };
  }

  /** An error goes to the client that caused it, with its own event id. */
  #error(event: UpstreamEvent): Delivery | undefined {
    const details = objectAt(event, 'error');
    if (details.code === 'session_expired') this.#expired = true;
    if (isOwnEvent(details.event_id)) {
      this.#options.odd(`an error for what this server asked: ${String(details.code).slice(0, 64)}`);
      return undefined;
    }
    const origin = this.#options.eventIds.decode(details.event_id);
    if (origin) this.#inFlight.refused(origin.sequence);
    // Only client events with a longer id have another id there.
    const event_id = origin?.clientEventId ?? null;
    const relayed = { ...event, error: { code: null, param: null, ...details, event_id } };
    return { event: { relayed, known: knownEvent(relayed) }, to: origin?.peer, answers: origin?.sequence };
  }

  /** With the original conversation id, and the limits of this server. */
  #relayed(event: UpstreamEvent, known: ServerEvent): { relayed: UpstreamEvent; known: ServerEvent } {
    if (known.type === 'rate_limits.updated') {
      const own = this.#options.rateLimits();
      if (own.length === 0) return { relayed: event, known };
      const rate_limits = [...own];
      return { relayed: { ...event, rate_limits }, known: { ...known, rate_limits } };
    }
    if (known.type !== 'response.created' && known.type !== 'response.done') return { relayed: event, known };
    const { conversation_id: id } = known.response;
    if (id === null) return { relayed: event, known };
    this.#conversationId ??= id;
    if (id === this.#conversationId) return { relayed: event, known };
    const conversation_id = this.#conversationId;
    return {
      relayed: { ...event, response: { ...objectAt(event, 'response'), conversation_id } },
      known: { ...known, response: { ...known.response, conversation_id } },
    };
  }

  #withTemperature<T extends Extract<ServerEvent, { type: 'response.created' | 'response.done' }>>(
    event: T,
    asked: Outgoing | undefined,
  ): T {
    const begun = this.#responses.find(event.response.id);
    const temperature = begun ? begun.temperature : (asked?.temperature ?? this.session.temperature);
    return temperature === undefined ? event : { ...event, response: { ...event.response, temperature } };
  }

  /** Clients already know items that this server restored. */
  #isEchoOfRestoring(event: UpstreamEvent): boolean {
    if (event.type !== 'conversation.item.added' && event.type !== 'conversation.item.done') return false;
    const { id } = objectAt(event, 'item');
    return typeof id === 'string' && this.#restored.has(id);
  }

  // ---- A lost connection ----

  /**
   * The upstream is lost: the events for clients, in the order of docs/upstream.md. Afterwards nothing of its session
   * is open.
   */
  lose(failure: ResponseFailure): UnsentEvent[] {
    const { type, code } = failure;
    const events: UnsentEvent[] = [...this.#responses.fail(failure), ...this.#calls.fail()];
    for (const event of events) {
      if (event.type === 'conversation.item.done')
        this.#conversation.observeItem({ ...event, item: { ...event.item } });
    }
    const message = 'The connection to the upstream was lost before it had transcribed this.';
    for (const item_id of this.#conversation.takeAwaited()) {
      const error = { type, code, message };
      events.push({
        type: 'conversation.item.input_audio_transcription.failed',
        item_id,
        content_index: 0,
        error,
      });
    }
    if (this.#buffered) events.push({ type: 'input_audio_buffer.cleared' });
    this.#buffered = false;
    this.#owesAnswer = false;
    return events;
  }

  /** The state for a new session. */
  setup(): UpstreamSetup {
    const items = this.#conversation.items.map(restoringItem).filter((item) => item !== undefined);
    return { update: this.session.restoring(), items };
  }

  /** Continues with a new session: the events that report it to clients, and their pending requests. */
  resume({ session, refusedItems }: OpenedUpstream): { deleted: UnsentEvent[]; again: Outgoing[] } {
    this.session.replace(session);
    this.#followsAnother = true;
    const refused = new Set(refusedItems);
    const gone = this.#conversation.items.filter((item) => refused.has(item.id) || !restoringItem(item));
    for (const { id } of gone) this.#conversation.forget(id);
    this.#restored = new Set(this.#conversation.items.map(({ id }) => id));
    this.#spoken = new Set(this.#conversation.items.filter(hadAudio).map(({ id }) => id));
    return {
      deleted: gone.map(({ id }) => ({ type: 'conversation.item.deleted', item_id: id })),
      again: this.#inFlight.takeAll(),
    };
  }
}
