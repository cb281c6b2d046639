import { requirements } from '../../dev/harness/requirements.ts';

const known: ReadonlySet<string> = new Set(requirements.map(({ id }) => id));

/**
 * Says, inside a test, which requirements it verifies: it would fail if one of them were broken. The ids are literal
 * strings, because `citations.ts` reads them in the source.
 */
export function verifies(...ids: [string, ...string[]]): void {
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new Error(`no such requirement: ${unknown.join(', ')}`);
}
