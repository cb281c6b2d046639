/** Opens and immediately ends one session of each kind that an upstream is configured for, and reports the result. */

import type { Clock } from '../../core/clock.ts';
import type { UpstreamLimits } from '../../upstream/link/limits.ts';
import { probeUpstream } from '../../upstream/link/probe.ts';
import { probeKinds, type UpstreamTarget } from '../../upstream/link/target.ts';

/** A finding about an upstream or an MCP server. */
export interface UpstreamFinding {
  /** `openai (api.openai.com), the model gpt-realtime` */
  name: string;
  /** The result, or the problem. */
  did: string;
  fine: boolean;
}

/** `usual`: the model to request from an upstream that serves all models. Opening a session costs nothing. */
export async function* checkUpstreams(
  targets: readonly UpstreamTarget[],
  { usual, limits, clock }: { usual: string; limits: UpstreamLimits; clock: Clock },
): AsyncGenerator<UpstreamFinding, void, undefined> {
  for (const target of targets) {
    for (const kind of probeKinds(target, usual)) {
      const startedAt = performance.now();
      const answer = await probeUpstream(target, { kind, limits, clock });
      const asked = kind.type === 'transcription' ? 'a transcription session' : `the model ${kind.model}`;
      const name = `${target.name} (${new URL(target.url).host}), ${asked}`;
      if ('problem' in answer) {
        yield { name, did: `it ${answer.problem}`, fine: false };
        continue;
      }
      const of = answer.model === '' ? '' : ` of ${answer.model.slice(0, 128)}`;
      yield { name, did: `opened a session${of} (${Math.round(performance.now() - startedAt)} ms)`, fine: true };
    }
  }
}
