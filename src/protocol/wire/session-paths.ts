/** The fields of a session's configuration by their GA paths, for those who say which of them may not be changed. */

import type { RealtimeConfig, SessionType } from './session-config.ts';
import { sessionKinds } from './session-kinds.ts';

/**
 * Whether a path names a field of such a session that clients can change, or a group of them: `instructions`,
 * `audio.output.voice`, `audio`. The path has no `session.` before it.
 */
export function isSessionPath(path: string, type: SessionType = 'realtime'): boolean {
  return sessionKinds[type].fields.some((field) => pathCovers(path, field));
}

/** The fields that paths name, each by itself or by the group that it is in. */
export function fieldsBelow(paths: readonly string[], type: SessionType = 'realtime'): string[] {
  return sessionKinds[type].fields.filter((field) => paths.some((path) => pathCovers(path, field)));
}

/** The first of some fields in which two configurations differ. */
export function firstDifference(
  among: readonly string[],
  before: RealtimeConfig,
  after: RealtimeConfig,
): string | undefined {
  return among.find((field) => !isEqual(valueAt(before, field), valueAt(after, field)));
}

function pathCovers(path: string, field: string): boolean {
  return field === path || field.startsWith(`${path}.`);
}

function valueAt(config: RealtimeConfig, field: string): unknown {
  return field.split('.').reduce<unknown>((value, key) => Reflect.get(Object(value), key), config);
}

/** Whether two values are the same JSON: the order of keys says nothing, and neither does one that is undefined. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isEqual(ownValue(a, key), ownValue(b, key)));
}

function ownValue(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? Reflect.get(object, key) : undefined;
}
