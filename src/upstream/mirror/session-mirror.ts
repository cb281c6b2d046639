import type { RelayedEvent } from '../../protocol/wire/server-events.ts';
import type { RealtimeConfig, SessionType } from '../../protocol/wire/session-config.ts';
import { sessionKinds } from '../../protocol/wire/session-kinds.ts';
import { type JsonObject, textAt } from '../link/json.ts';
import { completedSession, firstUnreported, knownConfig, mergeUpdate, restoringUpdate } from './session-state.ts';

export interface SessionMirrorOptions {
  type: SessionType;
  /** Seconds since the epoch: when this server ends the session at the latest. */
  endsAt: number;
  /** The update with which the session was opened. */
  initial?: JsonObject | undefined;
  /** GA paths of fields that clients may not change. */
  lockedFields?: readonly string[];
}

/** The configuration of an upstream's session, as the clients of this server see it: one session, whatever becomes of the upstream's. */
export class SessionMirror {
  /** For beta clients: the upstream is not told of it. */
  temperature: number | undefined;
  readonly type: SessionType;
  readonly #id: string | undefined;
  readonly #endsAt: number;
  /** Updates that the upstream accepted: it may not report them. */
  readonly #accepted: JsonObject = {};
  /** Of the first, what clients may not change: it stays, whatever the upstream reports. */
  readonly #locked: JsonObject = {};
  /** As the upstream last reported it. */
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

  /** Takes the session as the upstream tells it now. */
  replace(session: JsonObject): void {
    this.#session = session;
    this.#config = knownConfig(this.#completed(), this.type);
  }

  /** Notes an update that the upstream accepted. */
  accept(update: JsonObject): void {
    mergeUpdate(this.#accepted, update, { type: this.type });
    this.#config = knownConfig(this.#completed(), this.type);
  }

  /** The first of some fields that an update sets and whose present value is not known: the upstream does not report it. */
  firstUnknown(among: readonly string[], update: JsonObject): string | undefined {
    return firstUnreported(among, { update, session: this.#completed(), type: this.type });
  }

  /** The update that gives a new session of an upstream this one's configuration. */
  restoring(): JsonObject {
    return restoringUpdate(this.#completed(), this.type);
  }

  /** The event that tells of it, with the id that it had from the beginning. */
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
