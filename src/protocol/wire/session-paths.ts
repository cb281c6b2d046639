/** The fields of a session's configuration by their GA paths, for those who say which of them may not be changed. */

import type { RealtimeConfig, SessionType } from './session-config.ts';

const inputPaths = [
  'include',
  'audio.input.format',
  'audio.input.transcription',
  'audio.input.noise_reduction',
  'audio.input.turn_detection',
];

/** What an update replaces whole. The temperature is of the beta dialect alone. */
const fields: Record<SessionType, readonly string[]> = {
  realtime: [
    'output_modalities',
    'instructions',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'max_output_tokens',
    'temperature',
    'reasoning',
    'tracing',
    'truncation',
    'prompt',
    ...inputPaths,
    'audio.output.format',
    'audio.output.voice',
    'audio.output.speed',
  ],
  transcription: inputPaths,
};

/**
 * Whether a path names a field of such a session that clients can change, or a group of them: `instructions`,
 * `audio.output.voice`, `audio`. The path has no `session.` before it.
 */
export function isSessionPath(path: string, type: SessionType = 'realtime'): boolean {
  return fields[type].some((field) => pathCovers(path, field));
}

/** The fields that paths name, each by itself or by the group that it is in. */
export function fieldsBelow(paths: readonly string[], type: SessionType = 'realtime'): string[] {
  return fields[type].filter((field) => paths.some((path) => pathCovers(path, field)));
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
