import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import {
  applyUpdate,
  type RealtimeConfig,
  refuseTurnDetection,
  type SessionUpdate,
  voiceId,
} from '../../protocol/wire/session-config.ts';
import { contextBudget, refuseTruncation } from '../context/truncation.ts';
import type { SessionCore } from '../session-core.ts';
import { refuseUnavailable } from './unavailable.ts';

/**
 * The configuration of a session after an update. `responding`: a response runs in the conversation.
 * @throws {WireError} when any part is refused; nothing is changed then
 */
export function updatedConfig(
  update: SessionUpdate,
  core: SessionCore,
  { responding }: { responding: boolean },
): RealtimeConfig {
  const { kind, config } = core;
  if (update.type !== kind.type) throw wireErrors.sessionTypeMismatch(update.type, kind.type);
  const next = applyUpdate(config, update);
  refuseTurnDetection(update, next);
  core.locks.refuseUpdate(config, next);
  if (update.type === 'realtime') {
    refuseUnavailable(update, core, 'session');
    refuseTruncation(update.truncation, contextBudget(core.settings.contextTokens, next.model));
  }
  const [before, after] = [config.audio.output, next.audio.output];
  if (core.conversation.hasSpoken && voiceId(after.voice) !== voiceId(before.voice))
    throw wireErrors.cannotUpdateVoice();
  if (responding && after.speed !== before.speed) throw wireErrors.speedWhileResponding();
  if (config.tracing !== null && JSON.stringify(next.tracing) !== JSON.stringify(config.tracing)) {
    throw wireErrors.tracingFixed();
  }
  return next;
}
