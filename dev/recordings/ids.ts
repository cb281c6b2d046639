import type { JsonObject } from './format.ts';

/** Ids of a recorded session and those of the session that plays it, matched by their places in events. */
export class IdPairs {
  readonly #played = new Map<string, string>();
  readonly #recorded = new Map<string, string>();

  /** Matches the n-th event of each type with the n-th of the other session. */
  match(recorded: readonly JsonObject[], played: readonly JsonObject[]): void {
    const groups = Map.groupBy(played, ({ type }) => type);
    const counts = new Map<unknown, number>();
    for (const event of recorded) {
      const index = counts.get(event.type) ?? 0;
      counts.set(event.type, index + 1);
      this.#pair(event, groups.get(event.type)?.[index]);
    }
  }

  /** A recorded event with the ids of the session that plays it. */
  toPlayed<T>(value: T): T {
    return replaceIds(value, this.#played) as T;
  }

  toRecorded<T>(value: T): T {
    return replaceIds(value, this.#recorded) as T;
  }

  #pair(recorded: unknown, played: unknown, key = ''): void {
    if (typeof recorded === 'string' && typeof played === 'string') {
      if (!/(^|_)id$/.test(key) || key === 'event_id' || this.#played.has(recorded)) return;
      this.#played.set(recorded, played);
      this.#recorded.set(played, recorded);
    } else if (typeof recorded === 'object' && recorded !== null) {
      for (const [name, value] of Object.entries(recorded)) {
        this.#pair(value, Reflect.get(Object(played), name), Array.isArray(recorded) ? key : name);
      }
    }
  }
}

function replaceIds(value: unknown, by: ReadonlyMap<string, string>): unknown {
  // The texts of errors name ids.
  if (typeof value === 'string') return value.replaceAll(/[\w-]+/g, (word) => by.get(word) ?? word);
  if (Array.isArray(value)) return value.map((each) => replaceIds(each, by));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, replaceIds(inner, by)]));
}
