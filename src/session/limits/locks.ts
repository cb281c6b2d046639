import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import { applyUpdate, type RealtimeConfig } from '../../protocol/wire/session-config.ts';
import type { SessionKind } from '../../protocol/wire/session-kinds.ts';
import { fieldsBelow, firstDifference } from '../../protocol/wire/session-paths.ts';

const silentlyLocked: readonly string[] = ['instructions', 'prompt'];

/** The fields of a session that its clients cannot change, because the creator of their secret fixed them. */
export class Locks {
  /** The GA paths of the fields. */
  readonly fields: readonly string[];

  /** `paths` are GA paths; the path of a group covers all of its fields. */
  constructor(paths: readonly string[], { type }: SessionKind) {
    const fields = fieldsBelow(paths, type);
    // Instructions replace a prompt, so locking one of them locks both.
    const pair = fields.some((field) => silentlyLocked.includes(field)) ? silentlyLocked : [];
    this.fields = [...new Set([...fields, ...pair])];
  }

  /**
   * Setting a locked field to its current value is allowed.
   * @throws {WireError} when an update would change a locked field
   */
  refuseUpdate(before: RealtimeConfig, after: RealtimeConfig): void {
    this.#refuse(before, after, 'session');
  }

  /** @throws {WireError} when a response sets a locked field to another value */
  refuseResponse(config: RealtimeConfig, parameters: ResponseParameters): void {
    if (this.fields.length === 0) return;
    const { conversation: _where, input: _context, metadata: _echoed, ...settings } = parameters;
    this.#refuse(config, applyUpdate(config, { type: 'realtime', ...settings }), 'response');
  }

  #refuse(before: RealtimeConfig, after: RealtimeConfig, root: 'session' | 'response'): void {
    const field = firstDifference(this.fields, before, after);
    if (field !== undefined) throw wireErrors.parameterLocked(`${root}.${field}`);
  }
}
