import type { JsonObject } from './format.ts';

/**
 * The differences between two lists of events, a line each: `- event` is recorded only, `+ event` played only, and
 * `~ event path: …` differs in a field. `whole`: fields that are not recorded count, too.
 */
export function differences(
  recorded: readonly JsonObject[],
  played: readonly JsonObject[],
  { whole }: { whole: boolean },
): string[] {
  const lengths = commonLengths(recorded, played);
  const lines: string[] = [];
  let [at, on] = [0, 0];
  while (at < recorded.length || on < played.length) {
    const [expected, actual] = [recorded[at], played[on]];
    if (expected && actual && expected.type === actual.type) {
      lines.push(...fieldDifferences(expected, actual, '', whole).map((line) => `~ ${String(expected.type)} ${line}`));
      at += 1;
      on += 1;
    } else if (!actual || (expected && (lengths[at + 1]?.[on] ?? 0) >= (lengths[at]?.[on + 1] ?? 0))) {
      lines.push(`- ${String(expected?.type)}`);
      at += 1;
    } else {
      lines.push(`+ ${String(actual.type)}`);
      on += 1;
    }
  }
  return lines;
}

/** By two positions, the length of the longest common subsequence of types from there on. */
function commonLengths(a: readonly JsonObject[], b: readonly JsonObject[]): number[][] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = lengths[i];
      if (!row) continue;
      const [below, right, diagonal] = [lengths[i + 1]?.[j] ?? 0, row[j + 1] ?? 0, lengths[i + 1]?.[j + 1] ?? 0];
      row[j] = a[i]?.type === b[j]?.type ? diagonal + 1 : Math.max(below, right);
    }
  }
  return lengths;
}

function fieldDifferences(recorded: unknown, played: unknown, path: string, whole: boolean): string[] {
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isObject(recorded) || !isObject(played) || Array.isArray(recorded) !== Array.isArray(played)) {
    if (recorded === played) return [];
    return [`${path}: recorded ${format(recorded)}, played ${format(played)}`];
  }
  const all = whole || Array.isArray(recorded);
  const names = new Set([...Object.keys(recorded), ...(all ? Object.keys(played) : [])]);
  return [...names].flatMap((name) =>
    fieldDifferences(Reflect.get(recorded, name), Reflect.get(played, name), path ? `${path}.${name}` : name, whole),
  );
}

function format(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
