/** API keys as the server stores them: name and hash, so that no key is in memory, a log or a dump. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { withoutAbsent } from '../core/json.ts';
import type { KeyLimits } from '../metering/owner.ts';

/** The project of keys without one, and of all clients of a server without keys. */
export const defaultProject = 'default';

export interface ApiKey {
  /** The name in the log. */
  readonly name: string;
  /** SHA-256 of the key. */
  readonly hash: Uint8Array;
  /** The project whose sessions can be listed and ended with the key. */
  readonly project: string;
  /** Whether it may see every project, and the metrics. */
  readonly operator: boolean;
  readonly limits: KeyLimits;
}

/** A key in a configuration file or in the options of `startServer`. */
export interface ApiKeyEntry {
  readonly name?: string;
  /** Either the key or its `hash`, as `parley key` prints it. */
  readonly key?: string;
  readonly hash?: string;
  readonly project?: string;
  readonly operator?: boolean;
  readonly limits?: {
    readonly sessions?: number;
    readonly 'sessions-per-minute'?: number;
    readonly 'tokens-per-minute'?: number;
  };
}

/** A key in the options of `startServer`, without the key itself; `key` may be the hash that `parley key` prints. */
export function apiKey(
  name: string,
  key: string,
  { project = defaultProject, operator = false, limits = {} }: Partial<Omit<ApiKey, 'name' | 'hash'>> = {},
): ApiKeyEntry {
  const { sessions, sessionsPerMinute, tokensPerMinute } = limits;
  return {
    name,
    hash: hashPattern.test(key) ? key : writtenHash(key),
    project,
    operator,
    limits: { sessions, 'sessions-per-minute': sessionsPerMinute, 'tokens-per-minute': tokensPerMinute },
  };
}

/** The key that matches `presented`. Takes the same time whichever part of it is wrong. */
export function findApiKey(keys: readonly ApiKey[], presented: string): ApiKey | undefined {
  const hash = sha256(presented);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.hash, hash)) found = key;
  return found;
}

/** A key's hash in a configuration file: `sha256:` and 64 hexadecimal digits. */
export function writtenHash(key: string): string {
  return `sha256:${Buffer.from(sha256(key)).toString('hex')}`;
}

/** An invalid list of keys: which entry is wrong, and what is expected. Never contains the value. */
export interface ApiKeyProblem {
  place: string;
  expected: string;
}

/** Parses keys, hashes, `{ name, key }` or `{ name, hash }` with their other fields. Blank entries are dropped. */
export function readApiKeys(entries: readonly unknown[]): { keys: ApiKey[] } | { problem: ApiKeyProblem } {
  const keys: ApiKey[] = [];
  for (const [index, entry] of entries.entries()) {
    if (entry === '') continue;
    const place = `entry ${index + 1}`;
    const read = readKey(entry, `key-${keys.length + 1}`);
    if ('expected' in read) return { problem: { ...read, place: `${place}${read.place}` } };
    const twin = keys.find(({ name, hash }) => name === read.name || timingSafeEqual(hash, read.hash));
    if (twin) {
      const expected = twin.name === read.name ? 'a name that no other entry has' : 'a key that no other entry has';
      return { problem: { place, expected } };
    }
    keys.push(read);
  }
  return { keys };
}

/**
 * Only characters that a header can carry, so that a mistyped key is refused at the start and not at the first
 * connection.
 */
const keyPattern = /^[\x21-\x2b\x2d-\x7e]{1,512}$/;
const hashPattern = /^sha256:[0-9a-f]{64}$/i;
const keyText = 'a key of 1 to 512 printable ASCII characters, without spaces and commas';
const countFrom1 = 'a whole number from 1 to 1000000000';

const count = z.int(countFrom1).min(1, countFrom1).max(1e9, countFrom1).optional();
// The messages are written here, because those of zod may repeat the value, which may be a key in the wrong place.
const entrySchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w .@-]{1,64}$/, 'a name of 1 to 64 letters, digits, spaces and _ . @ -')
    .optional(),
  key: z.string(keyText).regex(keyPattern, keyText).optional(),
  hash: z.string().regex(hashPattern, 'sha256: and 64 hexadecimal digits, as "parley key" prints them').optional(),
  project: z
    .string()
    .regex(/^[\w.@-]{1,64}$/, 'a project of 1 to 64 letters, digits and _ . @ -')
    .default(defaultProject),
  operator: z.boolean('true or false').default(false),
  limits: z.strictObject({ sessions: count, 'sessions-per-minute': count, 'tokens-per-minute': count }).default({}),
});

function readKey(entry: unknown, fallbackName: string): ApiKey | ApiKeyProblem {
  if (typeof entry === 'string') {
    if (hashPattern.test(entry) || keyPattern.test(entry)) {
      return { name: fallbackName, hash: hashOf(entry), project: defaultProject, operator: false, limits: {} };
    }
    return { place: '', expected: keyText };
  }
  const { data, error } = entrySchema.safeParse(entry);
  if (error) return entryProblem(error.issues[0]);
  const secret = data.key ?? data.hash;
  if (secret === undefined || (data.key !== undefined && data.hash !== undefined)) {
    return { place: '', expected: 'either a key or its hash' };
  }
  const { name = fallbackName, project, operator, limits } = data;
  const { sessions, 'sessions-per-minute': sessionsPerMinute, 'tokens-per-minute': tokensPerMinute } = limits;
  return {
    name,
    hash: hashOf(secret),
    project,
    operator,
    limits: withoutAbsent({ sessions, sessionsPerMinute, tokensPerMinute }),
  };
}

function entryProblem(issue: z.core.$ZodIssue | undefined): ApiKeyProblem {
  const path = issue?.path.join('.') ?? '';
  const place = path === '' ? '' : `, ${path}`;
  if (issue?.code === 'unrecognized_keys') {
    const known = path === 'limits' ? entrySchema.shape.limits.unwrap().shape : entrySchema.shape;
    return { place, expected: `nothing but ${Object.keys(known).join(', ')}` };
  }
  if (issue?.code === 'invalid_type' && path === '')
    return { place, expected: 'a key, or a mapping with a key or its hash' };
  const expected =
    issue?.code === 'invalid_type' && issue.message.startsWith('Invalid') ? `a ${issue.expected}` : issue?.message;
  return { place, expected: expected ?? 'another value' };
}

/** The hash of a key, or the given hash. */
function hashOf(key: string): Uint8Array {
  return hashPattern.test(key) ? Buffer.from(key.slice('sha256:'.length), 'hex') : sha256(key);
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}
