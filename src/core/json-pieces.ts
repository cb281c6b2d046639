/** JSON in pieces, so that no value takes long at once, however large it is. */

/** The least length of a value's JSON, in characters: without commas and escapes. Counting ends soon after `enough`. */
export function jsonLength(value: unknown, enough = Number.POSITIVE_INFINITY): number {
  if (typeof value === 'string') return value.length + '""'.length;
  if (typeof value !== 'object' || value === null) return 1;
  let length = '{}'.length;
  if (Array.isArray(value)) {
    for (const member of value) {
      if (length > enough) return length;
      length += jsonLength(member, enough - length);
    }
    return length;
  }
  for (const key in value) {
    if (length > enough) return length;
    length += key.length + '"":'.length + jsonLength(Reflect.get(value, key), enough - length);
  }
  return length;
}

/**
 * The JSON of a value, as `JSON.stringify` writes it, in pieces of about `pieceCharacters`. Objects with a `toJSON` are
 * not supported.
 */
export function* jsonPieces(value: unknown, pieceCharacters: number): Generator<string> {
  if (jsonLength(value, pieceCharacters) <= pieceCharacters) yield jsonOf(value);
  else if (typeof value === 'string') yield* textPieces(value, pieceCharacters);
  else if (Array.isArray(value)) {
    yield* memberPieces(
      '[',
      Array.from(value, (member: unknown) => ['', member] as const),
      ']',
      pieceCharacters,
    );
  } else {
    const members = Object.entries(Object(value)).filter(([, member]) => member !== undefined);
    const named = members.map(([key, member]) => [`${JSON.stringify(key)}:`, member] as const);
    yield* memberPieces('{', named, '}', pieceCharacters);
  }
}

/** As `JSON.stringify` writes it as a member of an array. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

function* textPieces(text: string, pieceCharacters: number): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const to = endOfPiece(text, from + pieceCharacters);
    const piece = JSON.stringify(text.slice(from, to));
    yield piece.slice(from === 0 ? 0 : 1, to < text.length ? -1 : undefined);
    from = to;
  }
}

function* memberPieces(
  open: string,
  members: readonly (readonly [name: string, value: unknown])[],
  close: string,
  pieceCharacters: number,
): Generator<string> {
  let piece = open;
  for (const [index, [name, value]] of members.entries()) {
    piece += index === 0 ? name : `,${name}`;
    if (jsonLength(value, pieceCharacters) <= pieceCharacters) {
      piece += jsonOf(value);
    } else {
      yield piece;
      piece = '';
      yield* jsonPieces(value, pieceCharacters);
    }
    if (piece.length < pieceCharacters) continue;
    yield piece;
    piece = '';
  }
  yield piece + close;
}

/** Where a piece of a text ends: not between the halves of a character beyond U+FFFF, which would be escaped. */
function endOfPiece(text: string, at: number): number {
  const last = text.charCodeAt(at - 1);
  return last >= 0xd800 && last <= 0xdbff ? at + 1 : at;
}
