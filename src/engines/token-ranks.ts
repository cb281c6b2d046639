/**
 * The tokens of a byte pair encoding in flat memory: as 200,000 objects on the heap they were two thirds of what each
 * full garbage collection marked.
 */
export interface TokenRanks {
  /** The bytes of all tokens, in the order of their ranks. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Where each token begins in `bytes`, and the end of the last. */
  offsets: Int32Array<ArrayBuffer>;
  /** A hash table with open addressing: a rank plus one, or zero. Its length is a power of two. */
  slots: Int32Array<ArrayBuffer>;
}

/**
 * Packs the lines of a file of `tiktoken` (https://github.com/openai/tiktoken, tiktoken/load.py): a token in base64,
 * a space, its rank.
 * @throws {Error} where a rank is not the number of its line.
 */
export function packRanks(file: string): TokenRanks {
  const tokens = file
    .trimEnd()
    .split('\n')
    .map((line, at) => {
      const [base64 = '', rank] = line.split(' ');
      if (Number(rank) !== at) throw new Error(`Line ${at + 1} has rank ${rank}, not ${at}: the file is damaged.`);
      return Buffer.from(base64, 'base64');
    });
  const offsets = new Int32Array(tokens.length + 1);
  for (const [rank, token] of tokens.entries()) offsets[rank + 1] = (offsets[rank] ?? 0) + token.length;
  const bytes = new Uint8Array(offsets.at(-1) ?? 0);
  const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * tokens.length)));
  for (const [rank, token] of tokens.entries()) {
    bytes.set(token, offsets[rank]);
    let slot = hash(token, 0, token.length) & (slots.length - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
    slots[slot] = rank + 1;
  }
  return { bytes, offsets, slots };
}

/** Maximum bytes of a code unit in UTF-8. */
const bytesPerUnit = 3;
const none = Number.POSITIVE_INFINITY;

/**
 * Returns a function that counts the tokens of a text. The splitter, a global expression, matches the parts of a text
 * that are encoded separately. The time is quadratic in the length of a part.
 */
export function tokenCounter({ bytes, offsets, slots }: TokenRanks, splitter: RegExp): (text: string) => number {
  const encoder = new TextEncoder();
  let part = new Uint8Array(1024);

  /** The rank of the token that a stretch of the part is. */
  const rankOf = (from: number, to: number): number => {
    for (let slot = hash(part, from, to) & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
      const rank = (slots[slot] ?? 0) - 1;
      if (rank === -1) return none;
      const start = offsets[rank] ?? 0;
      if ((offsets[rank + 1] ?? 0) - start !== to - from) continue;
      let same = 0;
      while (same < to - from && bytes[start + same] === part[from + same]) same++;
      if (same === to - from) return rank;
    }
  };

  /** The tokens of the first bytes of the part: merges the pair of the lowest rank until no pair is a token. */
  const merged = (length: number): number => {
    if (rankOf(0, length) !== none) return 1;
    const starts = Array.from({ length: length + 1 }, (_, at) => at);
    const pairRank = (at: number) => (at + 2 < starts.length ? rankOf(starts[at] ?? 0, starts[at + 2] ?? 0) : none);
    const ranks = starts.map((_, at) => pairRank(at));
    for (;;) {
      let lowest = 0;
      for (let at = 1; at < ranks.length; at++) if ((ranks[at] ?? none) < (ranks[lowest] ?? none)) lowest = at;
      if ((ranks[lowest] ?? none) === none) return starts.length - 1;
      starts.splice(lowest + 1, 1);
      ranks.splice(lowest + 1, 1);
      ranks[lowest] = pairRank(lowest);
      if (lowest > 0) ranks[lowest - 1] = pairRank(lowest - 1);
    }
  };

  return (text) => {
    if (part.length < bytesPerUnit * text.length) part = new Uint8Array(bytesPerUnit * text.length);
    let tokens = 0;
    for (const [match] of text.matchAll(splitter)) tokens += merged(encoder.encodeInto(match, part).written);
    return tokens;
  };
}

/** FNV-1a, 32 bits (RFC 9923). */
function hash(bytes: Uint8Array, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let at = from; at < to; at++) value = Math.imul(value ^ (bytes[at] ?? 0), 0x01000193);
  return value >>> 0;
}
