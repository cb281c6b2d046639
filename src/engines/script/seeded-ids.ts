import { createHash } from 'node:crypto';
import { type IdKind, type IdSource, idLength } from '../../protocol/wire/ids.ts';

/**
 * Ids that are the same in every run: the nth item of the mth session always has the same id. Each kind has its own
 * counter, so that an additional delta event does not change the ids of what follows.
 */
export function seededIds(seed: string, session: number): IdSource {
  const counts = new Map<IdKind, number>();
  return (kind) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const digest = createHash('sha256')
      .update(JSON.stringify([seed, session, kind, count]))
      .digest('base64');
    return `${kind}_${digest.replace(/[+/=]/g, '0').slice(0, idLength(kind))}`;
  };
}
