/** Parley's requirements: derived lists (`scripts/derive-requirements.ts`), and those that are pending. */

import openapi from './requirements/openapi.json' with { type: 'json' };
import waiting from './requirements/pending.json' with { type: 'json' };
import rules from './requirements/rules.json' with { type: 'json' };

export interface Requirement {
  /** `ga.server.response.done`, `rest.calls.create`, or the number of a rule in docs/protocol.md. */
  id: string;
  source: string;
  says: string;
  /** The feature that it waits for; absent if it is in scope. */
  pending?: string;
}

/** Pending requirements, by id or by a prefix and `*`: the feature that they wait for. */
export const pending: Readonly<Record<string, string>> = waiting;

export const requirements: readonly Requirement[] = [...openapi, ...rules].map((requirement) => {
  const [, reason] = Object.entries(pending).find(([pattern]) => covers(pattern, requirement.id)) ?? [];
  return { ...requirement, ...(reason !== undefined && { pending: reason }) };
});

export function covers(pattern: string, id: string): boolean {
  return pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern;
}
