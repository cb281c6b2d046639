import { randomBytes } from 'node:crypto';

/** Prefixes of ids on the wire. */
export type IdKind = 'event' | 'sess' | 'conv' | 'item' | 'resp' | 'call' | 'seg';

/** Creates an id such as `item_…`: unique, and at most 32 characters, the maximum that clients accept for items. */
export type IdSource = (kind: IdKind) => string;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const randomCharacters = 21;
/** Random bytes are fetched in bulk: a system call per event would cost more than the rest of the event. */
const idsPerPool = 512;

let pool = randomBytes(0);
let used = 0;

export const randomId: IdSource = (kind) => {
  if (used === pool.length) {
    pool = randomBytes(randomCharacters * idsPerPool);
    used = 0;
  }
  let id = `${kind}_`;
  for (const end = used + randomCharacters; used < end; used++) id += alphabet[(pool[used] ?? 0) % alphabet.length];
  return id;
};
