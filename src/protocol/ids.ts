import { randomBytes } from 'node:crypto';

/** The prefixes of the ids that the wire carries. */
export type IdKind = 'event' | 'sess' | 'conv' | 'item' | 'resp' | 'call';

/** Makes a new id such as `item_…`: unique, and at most 32 characters, the longest that clients accept for items. */
export type IdSource = (kind: IdKind) => string;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const randomCharacters = 21;

export const randomId: IdSource = (kind) => {
  let id = `${kind}_`;
  for (const byte of randomBytes(randomCharacters)) id += alphabet[byte % alphabet.length];
  return id;
};
