import type { RelayedEvent } from '../../protocol/wire/server-events.ts';
import { type RealtimeConfig, type SessionType, sessionView } from '../../protocol/wire/session-config.ts';
import { type JsonObject, textAt } from '../link/json.ts';
import { knownConfig, restoringUpdate } from './session-state.ts';

/** The configuration of an upstream's session, as the clients of this server see it: one session, whatever becomes of the upstream's. */
export class SessionMirror {
  /** For beta clients: the upstream is not told of it. */
  temperature: number | undefined;
  readonly type: SessionType;
  readonly #id: string | undefined;
  readonly #endsAt: number;
  #session: JsonObject;
  #config: RealtimeConfig;

  /** `endsAt`, in seconds since the epoch, is when this server ends it at the latest. */
  constructor(session: JsonObject, { type, endsAt }: { type: SessionType; endsAt: number }) {
    this.type = type;
    this.#id = textAt(session, 'id');
    this.#endsAt = endsAt;
    this.#session = session;
    this.#config = knownConfig(session, type);
  }

  get config(): RealtimeConfig {
    return { ...this.#config, ...(this.temperature !== undefined && { temperature: this.temperature }) };
  }

  /** Takes the session as the upstream tells it now. */
  replace(session: JsonObject): void {
    this.#session = session;
    this.#config = knownConfig(session, this.type);
  }

  /** The update that gives a new session of an upstream this one's configuration. */
  restoring(): JsonObject {
    return restoringUpdate(this.#session, this.type);
  }

  /** The event that tells of it, with the id that it had from the beginning. */
  event(type: 'session.created' | 'session.updated', eventId: string): RelayedEvent {
    const upstreamEnd = this.#session.expires_at;
    const expires_at = typeof upstreamEnd === 'number' ? Math.min(upstreamEnd, this.#endsAt) : this.#endsAt;
    const session = { ...this.#session, ...(this.#id !== undefined && { id: this.#id }), expires_at };
    const config = { ...this.config, id: this.#id ?? this.#config.id, expires_at };
    return {
      relayed: { type, event_id: eventId, session },
      known: { type, event_id: eventId, session: sessionView(config, this.type) },
    };
  }
}
