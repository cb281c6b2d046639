import type { Clock } from '../../core/clock.ts';
import { isJsonObject } from '../../core/json.ts';
import type { CloseReason } from '../../session/ports/peer.ts';
import { type ConnectionListener, type HeavyMessageReader, UpstreamConnection } from './connection.ts';
import { closeFailure, eventFailure, timeoutFailure, UpstreamFailure } from './failure.ts';
import { type JsonObject, objectAt, textAt, type UpstreamEvent } from './json.ts';
import type { UpstreamLimits } from './limits.ts';
import { connectionRequest, type RequestedSession, type UpstreamTarget } from './target.ts';

/** State that a session receives before clients are admitted: an update of its configuration, and items. */
export interface UpstreamSetup {
  update?: object | undefined;
  items?: readonly JsonObject[];
}

export interface OpenedUpstream {
  connection: UpstreamConnection;
  /** The session as the upstream last reported it. */
  session: JsonObject;
  /** Ids of items that the upstream refused. */
  refusedItems: string[];
}

export interface UpstreamHandshakeOptions {
  target: UpstreamTarget;
  kind: RequestedSession;
  setup: UpstreamSetup;
  readHeavy?: HeavyMessageReader | undefined;
  limits: UpstreamLimits;
  clock: Clock;
}

export interface UpstreamHandshakeListener {
  /** The session is ready. The caller must set the connection's listener synchronously: events may follow. */
  opened(upstream: OpenedUpstream): void;
  failed(failure: UpstreamFailure): void;
  oddFrame(problem: string): void;
}

/** The id of an event that this server sends on its own behalf. */
export const ownEventId = (what: string) => `parley-own-${what}`;
const updateId = ownEventId('session');
const itemId = (index: number) => ownEventId(`item-${index}`);

/** Whether an error answers an event of this server rather than of a client. */
export function isOwnEvent(eventId: unknown): boolean {
  return typeof eventId === 'string' && eventId.startsWith('parley-own-');
}

/** Opens a session on an upstream: connects, awaits `session.created`, configures it and adds its items. */
export class UpstreamHandshake implements ConnectionListener {
  readonly #options: UpstreamHandshakeOptions;
  readonly #listener: UpstreamHandshakeListener;
  readonly #connection: UpstreamConnection;
  readonly #pendingItems = new Map<string, string>();
  readonly #refusedItems: string[] = [];
  #session: JsonObject | undefined;
  #pendingUpdate = false;
  #lastError: UpstreamEvent | undefined;
  #cancelDeadline: () => void = () => {};
  #over = false;

  constructor(options: UpstreamHandshakeOptions, listener: UpstreamHandshakeListener) {
    this.#options = options;
    this.#listener = listener;
    const { target, kind, readHeavy, limits, clock } = options;
    const request = connectionRequest(target, kind);
    this.#connection = new UpstreamConnection({ ...request, secret: target.key, readHeavy, limits, clock }, this);
    this.#awaitAnswer();
  }

  /** The number of awaited answers; unknown before the session is created. */
  get #answersDue(): number {
    if (this.#session === undefined) return Number.POSITIVE_INFINITY;
    return this.#pendingItems.size + (this.#pendingUpdate ? 1 : 0);
  }

  /** Aborts; the listener is not called any more. */
  abort(): void {
    if (!this.#end()) return;
    this.#connection.close({ code: 1000, reason: '' });
  }

  event(event: UpstreamEvent): void {
    if (this.#over) return;
    const answersDue = this.#answersDue;
    if (this.#session === undefined) this.#begin(event);
    else this.#configured(event);
    if (this.#over) return;
    // Events that answer nothing give an upstream no more time.
    if (this.#answersDue < answersDue) this.#awaitAnswer();
    if (this.#session === undefined || this.#answersDue > 0 || !this.#end()) return;
    this.#listener.opened({
      connection: this.#connection,
      session: this.#session,
      refusedItems: this.#refusedItems,
    });
  }

  oddFrame(problem: string): void {
    this.#listener.oddFrame(problem);
  }

  closed({ code }: CloseReason): void {
    this.#fail(this.#lastError ? this.#eventFailure(this.#lastError) : closeFailure(code));
  }

  failed(failure: UpstreamFailure): void {
    this.#fail(failure);
  }

  #begin(event: UpstreamEvent): void {
    if (event.type === 'error') return this.#fail(this.#eventFailure(event));
    // Events before `session.created` do not belong to this session.
    if (event.type !== 'session.created' || !isJsonObject(event.session)) return;
    this.#session = event.session;
    const { update, items = [] } = this.#options.setup;
    if (update) {
      this.#pendingUpdate = true;
      this.#send({ type: 'session.update', event_id: updateId, session: update });
    }
    for (const [index, item] of items.entries()) {
      this.#pendingItems.set(itemId(index), String(item.id));
      this.#send({ type: 'conversation.item.create', event_id: itemId(index), item });
    }
  }

  #configured(event: UpstreamEvent): void {
    if (event.type === 'session.updated' && isJsonObject(event.session)) {
      this.#session = event.session;
      this.#pendingUpdate = false;
    } else if (event.type === 'conversation.item.added' || event.type === 'conversation.item.done') {
      const { id } = objectAt(event, 'item');
      for (const [eventId, pending] of this.#pendingItems) if (pending === id) this.#pendingItems.delete(eventId);
    } else if (event.type === 'error') {
      this.#refused(event);
    }
  }

  #refused(event: UpstreamEvent): void {
    const error = objectAt(event, 'error');
    const eventId = textAt(error, 'event_id') ?? '';
    const refused = this.#pendingItems.get(eventId);
    if (refused !== undefined) {
      this.#pendingItems.delete(eventId);
      this.#refusedItems.push(refused);
    } else if (eventId === updateId) {
      const why = (textAt(error, 'message') ?? '').slice(0, 512);
      this.#fail(new UpstreamFailure(`refused the configuration of this session: ${why}`, { final: true }));
    } else {
      this.#lastError = event;
    }
  }

  #eventFailure(event: UpstreamEvent): UpstreamFailure {
    const { target, kind } = this.#options;
    const named = target.models?.has(kind.model) ? undefined : kind.model;
    return eventFailure(event, { model: kind.type === 'realtime' ? named : undefined });
  }

  #send(event: object): void {
    this.#connection.send(JSON.stringify(event));
  }

  #awaitAnswer(): void {
    const { clock, limits } = this.#options;
    this.#cancelDeadline();
    const ms = limits.upstreamConnectMs;
    this.#cancelDeadline = clock.after(ms, () => this.#fail(timeoutFailure(ms)));
  }

  #fail(failure: UpstreamFailure): void {
    if (!this.#end()) return;
    this.#connection.close({ code: 1000, reason: '' });
    this.#listener.failed(failure);
  }

  /** Whether the handshake was still in progress. */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#cancelDeadline();
    return true;
  }
}
