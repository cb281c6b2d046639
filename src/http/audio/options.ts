import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { publicNameOf } from '../../engines/spec/engine-group.ts';
import type { EngineKind, EngineSet } from '../../engines/spec/registry.ts';
import { defaultModel } from '../../transport/session-authorizer.ts';
import type { AudioApiOptions } from './audio-api.ts';

/** What the routes for audio need, of a configuration and its engines. */
export function audioApiOptions(
  { models, aliases, voices, limits }: Config,
  engines: EngineSet,
  clock: Clock,
): Omit<AudioApiOptions, 'callers' | 'bodyBytes' | 'metering' | 'log'> {
  const nameOf = (kind: EngineKind) =>
    publicNameOf(engines.describe().find(({ part }) => part === kind)?.name ?? '') || kind;
  return {
    enginesFor: (model) => engines.enginesFor?.(model) ?? engines.engines,
    models: [...new Set([defaultModel({ models }), ...models, ...Object.keys(aliases)])],
    voices: Object.keys(voices).filter((name) => name !== '*'),
    engineNames: () => ({ transcriber: nameOf('transcriber'), voice: nameOf('voice') }),
    clock,
    stallMs: limits.stageStallMs,
    requests: limits.audioRequests,
    speechMs: limits.speechMs,
    uploadBytes: limits.audioUploadBytes,
  };
}
