import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { publicNameOf } from '../../engines/spec/engine-group.ts';
import type { EngineSet } from '../../engines/spec/registry.ts';
import type { EngineKind } from '../../session/ports/engines.ts';
import { defaultModel } from '../../transport/session-authorizer.ts';
import type { BodyLimits } from '../body.ts';
import type { AudioApiOptions } from './audio-api.ts';
import { RequestSlots } from './request-slots.ts';

/** Options of the audio routes, from a configuration and its engines. */
export function audioApiOptions(
  { apiKeys, models, aliases, voices, limits }: Config,
  engines: EngineSet,
  clock: Clock,
): Omit<AudioApiOptions, 'callers' | 'metering' | 'log'> {
  const nameOf = (kind: EngineKind) =>
    publicNameOf(engines.describe().find(({ part }) => part === kind)?.name ?? '') || kind;
  return {
    enginesFor: (model) => engines.enginesFor?.(model) ?? engines.engines,
    models: [...new Set([defaultModel({ models }), ...models, ...Object.keys(aliases)])],
    voices: Object.keys(voices).filter((name) => name !== '*'),
    engineNames: () => ({ transcriber: nameOf('transcriber'), voice: nameOf('voice') }),
    clock,
    stallMs: limits.stageStallMs,
    speechMs: limits.speechMs,
    jsonBody: bodyLimits(limits, clock),
    uploadBody: { ...bodyLimits(limits, clock), maxBytes: limits.audioUploadBytes },
    uploadMs: limits.audioUploadMs,
    slots: new RequestSlots({ slots: limits.audioRequests, keys: apiKeys.length }),
  };
}

/** Limits of bodies other than uploads. */
export function bodyLimits(
  { bodyBytes, bodyStallMs, transferBytesPerSecond }: Config['limits'],
  clock: Clock,
): BodyLimits {
  return { clock, maxBytes: bodyBytes, stallMs: bodyStallMs, bytesPerSecond: transferBytesPerSecond };
}
