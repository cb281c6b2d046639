import type { Clock } from '../../core/clock.ts';
import type { UpstreamLimits } from './limits.ts';
import type { RequestedSession, UpstreamTarget } from './target.ts';
import { UpstreamHandshake } from './upstream-handshake.ts';

/**
 * Opens a session on an upstream and closes it. Resolves with the model that it reports, or with the problem as a
 * phrase that follows "it". An unused session costs nothing.
 */
export function probeUpstream(
  target: UpstreamTarget,
  { kind, limits, clock }: { kind: RequestedSession; limits: UpstreamLimits; clock: Clock },
): Promise<{ model: string } | { problem: string }> {
  return new Promise((resolve) => {
    new UpstreamHandshake(
      { target, kind, setup: {}, limits, clock },
      {
        opened: ({ connection, session }) => {
          connection.close({ code: 1000, reason: '' });
          resolve({ model: typeof session.model === 'string' ? session.model : '' });
        },
        failed: ({ message }) => resolve({ problem: message }),
        oddFrame: () => {},
      },
    );
  });
}
