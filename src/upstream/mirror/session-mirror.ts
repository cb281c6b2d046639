import type { RelayedEvent } from '../../protocol/wire/server-events.ts';
import type { RealtimeConfig, SessionType } from '../../protocol/wire/session-config.ts';
import { sessionKinds } from '../../protocol/wire/session-kinds.ts';
import { type JsonObject, textAt } from '../link/json.ts';
import { completedSession, firstUnreported, knownConfig, mergeUpdate, restoringUpdate } from './session-state.ts';

export interface SessionMirrorOptions {
  type: SessionType;
  /** Seconds since the epoch: the latest end of the session on this server. */
  endsAt: number;
  /** The update that opened the session. */
  initial?: JsonObject | undefined;
  /** GA paths of locked fields. */
  lockedFields?: readonly string[];
}

/** The configuration of an upstream's session as clients see it: one session, even if the upstream's is replaced. */
export class SessionMirror {
  /** For beta clients; not sent to the upstream. */
  temperature: number | undefined;
  readonly type: SessionType;
  readonly #id: string | undefined;
  readonly #endsAt: number;
  /** Updates that the upstream accepted: it may not report them. */
  readonly #accepted: JsonObject = {};
  /** The locked part of the first: it does not change, whatever the upstream reports. */
  readonly #locked: JsonObject = {};
  /** The upstream's last report. */
  #session: JsonObject;
  #config: RealtimeConfig;

  constructor(session: JsonObject, { type, endsAt, initial = {}, lockedFields = [] }: SessionMirrorOptions) {
    this.type = type;
    this.#id = textAt(session, 'id');
    this.#endsAt = endsAt;
    this.#session = session;
    mergeUpdate(this.#accepted, initial, { type });
    mergeUpdate(this.#locked, initial, { type, among: lockedFields });
    this.#config = knownConfig(this.#completed(), type);
  }

  get config(): RealtimeConfig {
    return { ...this.#config, ...(this.temperature !== undefined && { temperature: this.temperature }) };
  }

  /** Takes the upstream's current report. */
  replace(session: JsonObject): void {
    this.#session = session;
    this.#config = knownConfig(this.#completed(), this.type);
  }

  /** Records an update that the upstream accepted. */
  accept(update: JsonObject): void {
    mergeUpdate(this.#accepted, update, { type: this.type });
    this.#config = knownConfig(this.#completed(), this.type);
  }

  /**
   * The first field that an update sets and whose current value is unknown, because the upstream does not report it.
   */
  firstUnknown(among: readonly string[], update: JsonObject): string | undefined {
    return firstUnreported(among, { update, session: this.#completed(), type: this.type });
  }

  /** The update that gives a new session of an upstream this configuration. */
  restoring(): JsonObject {
    return restoringUpdate(this.#completed(), this.type);
  }

  /** The event that reports it, with its original id. */
  event(type: 'session.created' | 'session.updated', eventId: string): RelayedEvent {
    const upstreamEnd = this.#session.expires_at;
    const expires_at = typeof upstreamEnd === 'number' ? Math.min(upstreamEnd, this.#endsAt) : this.#endsAt;
    const session = { ...this.#session, ...(this.#id !== undefined && { id: this.#id }), expires_at };
    const config = { ...this.config, id: this.#id ?? this.#config.id, expires_at };
    return {
      relayed: { type, event_id: eventId, session },
      known: { type, event_id: eventId, session: sessionKinds[this.type].view(config) },
    };
  }

  #completed(): JsonObject {
    return completedSession(this.#session, { type: this.type, accepted: this.#accepted, locked: this.#locked });
  }
}
