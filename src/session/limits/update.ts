import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import {
  applyUpdate,
  type RealtimeConfig,
  type SessionType,
  type SessionUpdate,
  voiceId,
} from '../../protocol/wire/session-config.ts';
import { contextBudget, refuseTruncation } from '../context/truncation.ts';
import type { SessionTools } from '../settings.ts';
import type { Locks } from './locks.ts';
import { refuseUnavailable } from './unavailable.ts';

/** What of a session says which updates it takes. */
interface UpdatedSession {
  type: SessionType;
  config: RealtimeConfig;
  locks: Locks;
  tools: SessionTools;
  /** A voice was heard. */
  hasSpoken: boolean;
  /** A response runs in the conversation. */
  responding: boolean;
}

/**
 * The configuration of a session after an update.
 * @throws {WireError} when any of it is not taken: nothing is then changed
 */
export function updatedConfig(update: SessionUpdate, session: UpdatedSession): RealtimeConfig {
  const { type, config, tools } = session;
  if (update.type !== type) throw wireErrors.sessionTypeMismatch(update.type, type);
  const next = applyUpdate(config, update);
  session.locks.refuseUpdate(config, next);
  if (update.type === 'realtime') {
    refuseUnavailable(update, tools, 'session');
    refuseTruncation(update.truncation, contextBudget(tools.settings.contextTokens, next.model));
  }
  const [before, after] = [config.audio.output, next.audio.output];
  if (session.hasSpoken && voiceId(after.voice) !== voiceId(before.voice)) throw wireErrors.cannotUpdateVoice();
  if (session.responding && after.speed !== before.speed) throw wireErrors.speedWhileResponding();
  if (config.tracing !== null && JSON.stringify(next.tracing) !== JSON.stringify(config.tracing)) {
    throw wireErrors.tracingFixed();
  }
  return next;
}
