/** The requirements that Parley is held to: derived lists (`scripts/derive-requirements.ts`), and what of them waits for something. */

import openapi from './requirements/openapi.json' with { type: 'json' };
import waiting from './requirements/pending.json' with { type: 'json' };
import rules from './requirements/rules.json' with { type: 'json' };

export interface Requirement {
  /** `ga.server.response.done`, `rest.calls.create`, or the number of a rule of docs/protocol.md. */
  id: string;
  source: string;
  says: string;
  /** What it waits for; absent where it is in scope. */
  pending?: string;
}

/** By id, or by the beginning of ids and a `*`: what they wait for. */
export const pending: Readonly<Record<string, string>> = waiting;

export const requirements: readonly Requirement[] = [...openapi, ...rules].map((requirement) => {
  const [, reason] = Object.entries(pending).find(([pattern]) => covers(pattern, requirement.id)) ?? [];
  return { ...requirement, ...(reason !== undefined && { pending: reason }) };
});

export function covers(pattern: string, id: string): boolean {
  return pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern;
}
