import { requirements } from '../../dev/harness/requirements.ts';

const known: ReadonlySet<string> = new Set(requirements.map(({ id }) => id));

/**
 * Declares the requirements that a test verifies: the test fails if one of them is broken. The ids are literal
 * strings, because `citations.ts` reads them in the source.
 */
export function verifies(...ids: [string, ...string[]]): void {
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new Error(`no such requirement: ${unknown.join(', ')}`);
}
