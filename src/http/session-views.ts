import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { isJsonObject } from '../core/json.ts';
import { jsonLength } from '../core/json-pieces.ts';
import type { Log } from '../core/log.ts';
import type { Owner } from '../metering/metering.ts';
import type { Dialect } from '../protocol/dialect.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { withExtensions } from '../protocol/extensions.ts';
import type { OutgoingEvent } from '../protocol/wire/server-events.ts';
import type { Watcher } from '../session/observing/watchers.ts';
import { sender } from '../transport/session-entries.ts';
import type { RegisteredSession } from '../transport/session-registry.ts';
import { HttpRefusal } from './refusal.ts';

export interface SessionViewsOptions {
  limits: Pick<Config['limits'], 'sessionViews' | 'viewsPerSession' | 'viewQueueBytes' | 'pingIntervalMs'>;
  /** The GA dialect. */
  dialect: Dialect;
  clock: Clock;
  log: Log;
}

export interface ViewRequest {
  live: RegisteredSession;
  /** The row of the session, with which the view begins. */
  row: object;
  viewer: Pick<Owner, 'keyName'>;
  request: IncomingMessage;
  response: ServerResponse;
}

type Piece = Uint8Array<ArrayBuffer>;
type ViewStream = ReadableStream<Piece>;
type Controller = ReadableStreamDefaultController<Piece>;

/** Why a view ended; the client gets the reason unless it has left. */
type EndReason = 'session_ended' | 'too_slow' | 'failed' | 'left';

/** Serializing a longer event would take more than a few milliseconds. */
const mostCharacters = 64 * 1024;
/** The time until a view ends is unknown. */
const retryMs = 5000;
const utf8 = new TextEncoder();

/** Read-only views of sessions, as streams of server-sent events (WHATWG HTML, section 9.2). */
export class SessionViews {
  readonly #options: SessionViewsOptions;
  /** The session of each response that has not been closed, because its queue exists until then. */
  readonly #open = new Map<ServerResponse, RegisteredSession>();

  constructor(options: SessionViewsOptions) {
    this.#options = { ...options, dialect: withExtensions(options.dialect, new Set(['ledger'])) };
  }

  /** Whether a response is a view, which lasts as long as its session. */
  has(response: ServerResponse): boolean {
    return this.#open.has(response);
  }

  /** @throws {HttpRefusal} when there are too many */
  open(request: ViewRequest): ViewStream {
    const { sessionViews, viewsPerSession } = this.#options.limits;
    const { live, response } = request;
    const ofSession = [...this.#open.values()].filter((viewed) => viewed === live).length;
    if (this.#open.size >= sessionViews) throw tooMany('This server', 'session-views', sessionViews);
    if (ofSession >= viewsPerSession) throw tooMany('This session', 'views-per-session', viewsPerSession);
    this.#open.set(response, live);
    const view = new View(request, this.#options);
    const left = () => {
      this.#open.delete(response);
      view.end('left');
    };
    if (response.closed) left();
    else response.once('close', left);
    return view.stream;
  }
}

function tooMany(subject: string, limit: string, most: number): HttpRefusal {
  const message = `${subject} has its maximum of ${most} views (limits.${limit}). Close one, or try again later.`;
  return new HttpRefusal(503, httpErrors.overloaded(message), retryMs);
}

/** One view: a bounded queue of events. */
class View implements Watcher {
  readonly stream: ViewStream;
  readonly #options: SessionViewsOptions;
  readonly #sessionId: string;
  readonly #openedAt: number;
  #controller: Controller | undefined;
  #ended = false;
  #stopWatching = () => {};
  #cancelPing = () => {};

  constructor({ live, row, viewer, request }: ViewRequest, options: SessionViewsOptions) {
    const { limits, clock, log } = options;
    const { session } = live;
    this.#options = options;
    this.#sessionId = session.id;
    this.#openedAt = clock.now();
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: limits.viewQueueBytes });
    const start = (controller: Controller) => {
      this.#controller = controller;
    };
    this.stream = new ReadableStream<Piece>({ start }, strategy);
    log.info('view_opened', { session: session.id, key: viewer.keyName, ...sender(request) });
    this.#write({ type: 'parley.view.opened', session: row });
    this.#schedulePing();
    this.#stopWatching = session.watch(this);
    if (this.#ended) this.#stopWatching();
  }

  send(event: OutgoingEvent): void {
    try {
      const rendered = this.#options.dialect.render(event);
      if (rendered) this.#write(shown(rendered));
    } catch (error) {
      this.#options.log.error('view_failed', { session: this.#sessionId, error });
      this.end('failed');
    }
  }

  ended(): void {
    this.end('session_ended');
  }

  /** Idempotent. */
  end(reason: EndReason): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWatching();
    this.#cancelPing();
    const { clock, log } = this.#options;
    const seconds = Math.round((clock.now() - this.#openedAt) / 100) / 10;
    log.info('view_closed', { session: this.#sessionId, reason, seconds });
    if (reason === 'left') return;
    this.#controller?.enqueue(eventBytes({ type: 'parley.view.closed', reason }));
    this.#controller?.close();
  }

  #write(event: object): void {
    this.#enqueue(() => eventBytes(event));
  }

  /** The queue is checked before each event, so that any single event can be sent. */
  #enqueue(bytes: () => Piece): void {
    if (this.#ended) return;
    if ((this.#controller?.desiredSize ?? 0) <= 0) return this.end('too_slow');
    this.#controller?.enqueue(bytes());
  }

  /** A comment, without which proxies would close the connection of a silent session. */
  #schedulePing(): void {
    const { clock, limits } = this.#options;
    this.#cancelPing = clock.after(limits.pingIntervalMs, () => {
      this.#schedulePing();
      this.#enqueue(() => utf8.encode(':\n\n'));
    });
  }
}

function eventBytes(event: object): Piece {
  return utf8.encode(`data: ${JSON.stringify(event)}\n\n`);
}

/** The event for viewers: without the audio of a retrieved item; of a long event, only its type. */
function shown(event: object): object {
  const audioless = withoutAudio(event);
  if (jsonLength(audioless, mostCharacters) <= mostCharacters) return audioless;
  const { type, event_id }: { type?: unknown; event_id?: unknown } = event;
  return { type: 'parley.view.omitted', event_type: type, event_id };
}

function withoutAudio(event: object): object {
  const { item }: { item?: unknown } = event;
  if (!isJsonObject(item) || !Array.isArray(item.content)) return event;
  const content = item.content.map((part: unknown) => {
    if (!isJsonObject(part)) return part;
    const { audio: _audio, ...rest } = part;
    return rest;
  });
  return { ...event, item: { ...item, content } };
}
