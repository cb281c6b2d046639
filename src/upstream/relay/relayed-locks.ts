import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import { applyUpdate, type SessionType, type SessionUpdate } from '../../protocol/wire/session-config.ts';
import { sessionKinds } from '../../protocol/wire/session-kinds.ts';
import { Locks } from '../../session/limits/locks.ts';
import type { SessionMirror } from '../mirror/session-mirror.ts';

/** Locked fields of a relayed session, whatever its upstream reports. */
export class RelayedLocks {
  readonly #type: SessionType;
  readonly #locks: Locks;

  /** `paths` are GA paths; a path of a group covers all its fields. */
  constructor(paths: readonly string[], type: SessionType) {
    this.#type = type;
    this.#locks = new Locks(paths, sessionKinds[type]);
  }

  /** GA paths of single fields. */
  get fields(): readonly string[] {
    return this.#locks.fields;
  }

  /**
   * An update of another type is refused here, because an upstream may apply it to locked fields.
   * @throws {WireError} when an update would change a locked field, or is of another type
   */
  refuseUpdate(session: SessionMirror, update: SessionUpdate): void {
    if (update.type !== this.#type) throw wireErrors.sessionTypeMismatch(update.type, this.#type);
    this.#locks.refuseUpdate(session.config, applyUpdate(session.config, update));
    this.#refuseUnknown(session, update, 'session');
  }

  /** @throws {WireError} when a response sets a locked field to another value */
  refuseResponse(session: SessionMirror, parameters: ResponseParameters): void {
    this.#locks.refuseResponse(session.config, parameters);
    this.#refuseUnknown(session, parameters, 'response');
  }

  /** A field that the upstream does not report may have any value: setting it may change it. */
  #refuseUnknown(session: SessionMirror, asked: object, root: 'session' | 'response'): void {
    const field = session.firstUnknown(this.fields, { ...asked });
    if (field !== undefined) throw wireErrors.parameterLocked(`${root}.${field}`);
  }
}
