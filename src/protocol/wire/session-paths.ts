/** GA paths of the configuration's fields, for locks. */

import type { RealtimeConfig, SessionType } from './session-config.ts';
import { sessionKinds } from './session-kinds.ts';

/**
 * Whether a path names a field that clients of such a session can change, or a group of them: `instructions`,
 * `audio.output.voice`, `audio`. The path does not start with `session.`.
 */
export function isSessionPath(path: string, type: SessionType = 'realtime'): boolean {
  return sessionKinds[type].fields.some((field) => pathCovers(path, field));
}

/** The fields that are named by a list of paths, individually or by a group. */
export function fieldsBelow(paths: readonly string[], type: SessionType = 'realtime'): string[] {
  return sessionKinds[type].fields.filter((field) => paths.some((path) => pathCovers(path, field)));
}

/** The first of several fields in which two configurations differ. */
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

/**
 * Whether two values are the same JSON: the order of keys does not matter, and undefined properties count as absent.
 */
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
