import { randomBytes } from 'node:crypto';

/** The prefixes of the ids that the wire carries. */
export type IdKind = 'event' | 'sess' | 'conv' | 'item' | 'resp' | 'call' | 'seg';

/** Makes a new id such as `item_…`: unique, and at most 32 characters, the longest that clients accept for items. */
export type IdSource = (kind: IdKind) => string;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const randomCharacters = 21;
/** Every event has an id: asking the system for a few bytes each time costs more than all the rest of one. */
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
