import type { TurnDetection } from '../../protocol/wire/session-config.ts';
import type { TurnPolicy } from '../ports/turn-policy.ts';
import { semanticPolicy } from './semantic-policy.ts';

/** Ends a turn after a fixed silence. */
export function silencePolicy(silenceMs: number): TurnPolicy {
  return { silenceMs: () => silenceMs };
}

/** The policy for a session's `turn_detection`. */
export function turnPolicy(detection: TurnDetection): TurnPolicy {
  return detection.type === 'semantic_vad'
    ? semanticPolicy(detection.eagerness)
    : silencePolicy(detection.silence_duration_ms);
}
