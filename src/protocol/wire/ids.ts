import { randomBytes } from 'node:crypto';

/** Prefixes of ids on the wire. */
export type IdKind = 'event' | 'sess' | 'conv' | 'item' | 'resp' | 'call' | 'seg' | 'rtc' | 'mcpr';

/**
 * Creates an id such as `item_…`: unique, and at most 32 characters, the maximum that clients accept for items; an
 * approval request's has at most 19, because clients put `mcp_approval_` in front of it.
 */
export type IdSource = (kind: IdKind) => string;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Characters after the prefix, of an approval request and of everything else. */
export const idLength = (kind: IdKind): number => (kind === 'mcpr' ? 14 : randomCharacters);
const randomCharacters = 21;
/** Random bytes are fetched in bulk: a system call per event would cost more than the rest of the event. */
const idsPerPool = 512;

let pool = Buffer.alloc(0);
let used = 0;

export const randomId: IdSource = (kind) => {
  if (used + randomCharacters > pool.length) {
    const bytes = randomBytes(randomCharacters * idsPerPool);
    pool = Buffer.from(bytes.map((byte) => alphabet.charCodeAt(byte % alphabet.length)));
    used = 0;
  }
  const start = used;
  used += idLength(kind);
  // Appending character by character would leave a chain of strings, some 700 bytes for each id that is kept.
  return `${kind}_${pool.toString('latin1', start, used)}`;
};
