/** API keys as the server holds them: by name and hash, so that no key stands in memory, in a log or in a dump. */

import { createHash, timingSafeEqual } from 'node:crypto';

export interface ApiKey {
  /** How the log calls whoever uses it. */
  readonly name: string;
  /** SHA-256 of the key. */
  readonly hash: Uint8Array;
}

export function apiKey(name: string, key: string): ApiKey {
  return { name, hash: sha256(key) };
}

/** The key that `presented` is, found in a time that does not depend on how much of it is right. */
export function findApiKey(keys: readonly ApiKey[], presented: string): ApiKey | undefined {
  const hash = sha256(presented);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.hash, hash)) found = key;
  return found;
}

/** Reads keys, `{ name, key }` pairs, or what `apiKey` has made of them; undefined when one is malformed or a name occurs twice. */
export function parseApiKeys(entries: readonly unknown[]): ApiKey[] | undefined {
  const keys: ApiKey[] = [];
  for (const entry of entries) {
    if (entry === '') continue;
    const read = readKey(entry, `key-${keys.length + 1}`);
    if (read === undefined || keys.some(({ name }) => name === read.name)) return undefined;
    keys.push(read);
  }
  return keys;
}

function readKey(entry: unknown, fallbackName: string): ApiKey | undefined {
  if (isApiKey(entry)) return entry;
  const { name, key } = isNamedKey(entry) ? entry : { name: fallbackName, key: entry };
  return isKey(key) ? apiKey(name, key) : undefined;
}

function isApiKey(entry: unknown): entry is ApiKey {
  if (typeof entry !== 'object' || entry === null || !('name' in entry) || !('hash' in entry)) return false;
  return typeof entry.name === 'string' && entry.hash instanceof Uint8Array && entry.hash.length === sha256('').length;
}

function isNamedKey(entry: unknown): entry is { name: string; key: unknown } {
  return typeof entry === 'object' && entry !== null && 'name' in entry && 'key' in entry && isName(entry.name);
}

function isName(name: unknown): boolean {
  return typeof name === 'string' && /^[\w .@-]{1,64}$/.test(name);
}

/** Only what a header can carry, so that a mistyped key is refused when the server starts and not when a client connects. */
function isKey(key: unknown): key is string {
  return typeof key === 'string' && /^[\x21-\x2b\x2d-\x7e]{1,512}$/.test(key);
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}
