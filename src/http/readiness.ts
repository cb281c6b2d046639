/** What `/readyz` tells: whether a turn can be taken now, and if not, what stands in the way. */

/** The state of one engine, as `EngineSet.describe` tells it; all of it is passed on. */
export interface EngineReport {
  readonly state: 'idle' | 'loading' | 'ready' | 'failed';
}

export interface ReadinessReport {
  ready: boolean;
  status: 'ready' | 'loading' | 'failed' | 'draining' | 'full';
  engines: readonly EngineReport[];
}

export interface Readiness {
  report(): ReadinessReport;
}

/** Derives the answer each time that it is asked for, from the engines and from whether a session can be opened. */
export function readinessOf(
  engines: () => readonly EngineReport[],
  sessions: { readonly draining: boolean; readonly unavailable: string | undefined },
): Readiness {
  const statusOf = (states: readonly EngineReport['state'][]): ReadinessReport['status'] => {
    if (sessions.draining) return 'draining';
    if (states.includes('failed')) return 'failed';
    if (states.includes('loading')) return 'loading';
    return sessions.unavailable === undefined ? 'ready' : 'full';
  };
  return {
    report() {
      const statuses = engines();
      const status = statusOf(statuses.map(({ state }) => state));
      return { ready: status === 'ready', status, engines: statuses };
    },
  };
}
