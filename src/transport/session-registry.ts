import type { Clock } from '../core/clock.ts';
import type { Account, Metering, Owner, SessionActivity, SessionLease, SessionTotals } from '../metering/metering.ts';
import type { IdSource } from '../protocol/wire/ids.ts';
import type { SessionType } from '../protocol/wire/session-config.ts';
import type { Meter } from '../session/ports/meter.ts';
import type { SessionObserver } from '../session/ports/observer.ts';
import type { CloseReason } from '../session/ports/peer.ts';
import type { Session } from '../session/session.ts';
import type { SessionGrant } from '../session/settings.ts';

/** Parameters of a new session. */
export interface SessionRequest {
  id: string;
  /** Name of the API key, if the server has keys. */
  key?: string;
  /** The tenant. */
  project: string;
  type: SessionType;
  /** Empty for a transcription session, which has none. */
  model: string;
  /** Terms of the client secret that opened it. */
  grant?: SessionGrant;
  meter: Meter;
  /** Observers of the session, including those of the metrics. */
  observers: readonly SessionObserver[];
}

/** Creates sessions for new clients. */
export type SessionFactory = (request: SessionRequest) => Session;

/** Owner and parameters of a new session. */
export type OpenRequest = Omit<SessionRequest, 'id' | 'key' | 'project' | 'meter' | 'observers'> & {
  owner: Owner;
  lease?: SessionLease;
  /** The id of the call whose conversation it is. */
  callId?: string;
};

/** An open session and its owner. */
export interface RegisteredSession {
  readonly session: Session;
  readonly owner: Owner;
  /** The id of the call whose conversation it is; undefined for a session that is not a call. */
  readonly callId: string | undefined;
  /** Milliseconds since the epoch, later than that of every session before. */
  readonly openedAtMs: number;
  /** Milliseconds since then. */
  readonly ageMs: number;
  /** The engines that serve it by part, or the upstream. */
  readonly engines: Readonly<Record<string, string>>;
  /** The dialects of all peers so far. */
  readonly dialects: ReadonlySet<'ga' | 'beta'>;
  /** Usage so far. */
  totals(): SessionTotals;
  /** Turns and latency so far. */
  activity(): SessionActivity;
  /** Registers a connection; call the returned function with the way it ended. */
  connected(dialect: 'ga' | 'beta'): (close: CloseReason) => void;
  /** Resolves once the session has ended and its connections are closed, with the way the last of them ended. */
  readonly over: Promise<{ totals: SessionTotals; close: CloseReason | undefined }>;
}

/** Access to the sessions of one project, or of all. */
export interface Viewer {
  owner: Pick<Owner, 'project'>;
  operator: boolean;
}

/** A page of a list. */
export interface Page<T> {
  rows: T[];
  /** The position of the next page; undefined after the last one. */
  next: number | undefined;
}

export interface SessionRegistryOptions {
  create: SessionFactory;
  /** The names of what serves a session, by part; see `RegisteredSession.engines`. */
  enginesFor?: (kind: Pick<SessionRequest, 'type' | 'model'>) => Readonly<Record<string, string>>;
  limit: number;
  clock: Clock;
  ids: IdSource;
  metering: Pick<Metering, 'openAccount'>;
  /** Whether the engines cannot serve more sessions in time. */
  overloaded?: () => boolean;
}

/** The open sessions of this server: owners, maximum number, and shutdown. */
export class SessionRegistry {
  readonly #options: SessionRegistryOptions;
  readonly #sessions = new Set<RegisteredSession>();
  #draining = false;
  #lastOpenedMs = 0;

  constructor(options: SessionRegistryOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Why no session can be opened now, as a message for the client; undefined if one can. */
  get unavailable(): string | undefined {
    if (this.#draining) return 'The server is shutting down and opens no more sessions.';
    const { limit, overloaded } = this.#options;
    if (overloaded?.()) return 'The server is overloaded: conversations wait for its engines. Try again later.';
    if (this.#sessions.size < limit) return undefined;
    return `The server is at its limit of ${limit} sessions. Try again when one has ended.`;
  }

  /** Opens a session without peers. @throws whatever its factory throws */
  open({ owner, lease, callId, ...request }: OpenRequest): RegisteredSession {
    const { create, enginesFor = () => ({}), ids, clock, metering } = this.#options;
    const sessionId = ids('sess');
    const { type, model } = request;
    const account = metering.openAccount({ sessionId, type, model, owner, lease });
    let session: Session;
    try {
      const key = owner.keyName;
      const accounting = { meter: account, observers: [account.observer] };
      session = create({ id: sessionId, project: owner.project, ...request, key, ...accounting });
      account.sessionId = session.id;
    } catch (error) {
      account.close();
      throw error;
    }
    this.#lastOpenedMs = Math.max(Math.floor(clock.epochMs()), this.#lastOpenedMs + 1);
    const openedAtMs = this.#lastOpenedMs;
    const engines = () => enginesFor({ type, model });
    const live = new OpenSession({ session, owner, callId, account, openedAtMs, engines, clock });
    this.#sessions.add(live);
    void session.ended.then(() => this.#sessions.delete(live));
    return live;
  }

  /** The sessions that a viewer may see, oldest first. */
  list(viewer: Viewer): RegisteredSession[] {
    return [...this.#sessions].filter((live) => maySee(viewer, live));
  }

  /** A part of that list: at most `most` sessions, opened after a position. */
  page(viewer: Viewer, { after, most }: { after: number; most: number }): Page<RegisteredSession> {
    const left = this.list(viewer).filter(({ openedAtMs }) => openedAtMs > after);
    const rows = left.slice(0, most);
    return { rows, next: left.length > most ? rows.at(-1)?.openedAtMs : undefined };
  }

  /** A session to inspect or attach to; undefined also if it belongs to another project. */
  find(id: string, viewer: Viewer): RegisteredSession | undefined {
    return this.list(viewer).find(({ session }) => session.id === id);
  }

  /** A call in progress; undefined also if it belongs to another project. */
  findCall(callId: string, viewer: Viewer): RegisteredSession | undefined {
    return this.list(viewer).find((live) => live.callId === callId);
  }

  /** Opens no more sessions. Resolves once all turns are transcribed and answered, and no response is running. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#sessions].map(({ session }) => session.drain()));
  }

  closeAll(reason: CloseReason): void {
    this.#draining = true;
    for (const { session } of [...this.#sessions]) session.close(reason);
  }
}

function maySee({ owner, operator }: Viewer, live: RegisteredSession): boolean {
  return operator || live.owner.project === owner.project;
}

type OpenSessionParts = Pick<RegisteredSession, 'session' | 'owner' | 'callId' | 'openedAtMs'> & {
  account: Account;
  engines: () => RegisteredSession['engines'];
  clock: Clock;
};

class OpenSession implements RegisteredSession {
  readonly session: Session;
  readonly owner: Owner;
  readonly callId: string | undefined;
  readonly openedAtMs: number;
  readonly dialects = new Set<'ga' | 'beta'>();
  readonly over: Promise<{ totals: SessionTotals; close: CloseReason | undefined }>;
  readonly #account: Account;
  readonly #engines: () => RegisteredSession['engines'];
  readonly #clock: Clock;
  readonly #openedAt: number;
  #connections = 0;
  /** Created when the session has ended before its connections. */
  #disconnected: PromiseWithResolvers<void> | undefined;
  #lastClose: CloseReason | undefined;

  constructor(parts: OpenSessionParts) {
    this.session = parts.session;
    this.owner = parts.owner;
    this.callId = parts.callId;
    this.openedAtMs = parts.openedAtMs;
    this.#account = parts.account;
    this.#engines = parts.engines;
    this.#clock = parts.clock;
    this.#openedAt = parts.clock.now();
    this.over = this.#untilOver();
  }

  get ageMs(): number {
    return this.#clock.now() - this.#openedAt;
  }

  get engines(): RegisteredSession['engines'] {
    return this.#engines();
  }

  totals(): SessionTotals {
    return this.#account.totals();
  }

  activity(): SessionActivity {
    return this.#account.activity();
  }

  connected(dialect: 'ga' | 'beta'): (close: CloseReason) => void {
    this.dialects.add(dialect);
    this.#connections += 1;
    return (close) => {
      this.#connections -= 1;
      this.#lastClose = close;
      if (this.#connections === 0) this.#disconnected?.resolve();
    };
  }

  async #untilOver(): Promise<{ totals: SessionTotals; close: CloseReason | undefined }> {
    await this.session.ended;
    const totals = this.#account.close();
    if (this.#connections > 0) {
      this.#disconnected = Promise.withResolvers();
      await this.#disconnected.promise;
    }
    return { totals, close: this.#lastClose };
  }
}
