/** The response of `/readyz`: whether a turn can be taken, and if not, why. */

/** The state of one engine, as `EngineSet.describe` returns it; returned unchanged. */
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

/** Computed on each request, from the engines and from whether a session can be opened. */
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
