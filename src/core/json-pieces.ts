/** JSON in pieces, so that no single step takes long, however large the value is. */

/** The JSON of long values that do not change any more, and the number of values in each. */
const written = new WeakMap<object, { json: string; values: number }>();
/** Serializing shorter JSON again takes less than a millisecond. */
const longCharacters = 16 * 1024;

/** The JSON of a value that never changes. Long JSON is serialized once and reused whenever the value is sent. */
export function lastingJson(value: object | string): string {
  const known = writtenJson(value);
  if (known) return known.json;
  const json = JSON.stringify(value);
  if (json.length > longCharacters && typeof value === 'object') {
    written.set(value, { json, values: jsonSize(value).values });
  }
  return json;
}

function writtenJson(value: unknown): { json: string; values: number } | undefined {
  return typeof value === 'object' && value !== null ? written.get(value) : undefined;
}

/**
 * A lower bound of the length of a value's JSON, in characters: without commas and escapes. Stops soon after `enough`.
 */
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

/** The lower bound of `jsonLength`, and the number of values. */
export function jsonSize(value: unknown): { characters: number; values: number } {
  const size = { characters: 0, values: 0 };
  addSize(value, size);
  return size;
}

function addSize(value: unknown, size: { characters: number; values: number }): void {
  size.values += 1;
  if (typeof value !== 'object' || value === null) {
    size.characters += jsonLength(value);
    return;
  }
  const known = written.get(value);
  if (known) {
    size.characters += known.json.length;
    size.values += known.values - 1;
    return;
  }
  size.characters += '{}'.length;
  if (Array.isArray(value)) {
    for (const member of value) addSize(member, size);
    return;
  }
  for (const key in value) {
    size.characters += key.length + '"":'.length;
    addSize(Reflect.get(value, key), size);
  }
}

/**
 * The JSON of a value, as `JSON.stringify` writes it, in pieces of about `pieceCharacters`. Objects with a `toJSON` are
 * not supported.
 */
export function* jsonPieces(value: unknown, pieceCharacters: number): Generator<string> {
  const lengths = new Lengths(pieceCharacters);
  if (lengths.isLong(value)) yield* longPieces(value, lengths);
  else yield jsonOf(value);
}

/**
 * The lengths of the containers in a value. Each is counted once, because a large object under many levels would
 * otherwise be counted again at each of them.
 */
class Lengths {
  readonly pieceCharacters: number;
  readonly #counted = new Map<object, number>();

  constructor(pieceCharacters: number) {
    this.pieceCharacters = pieceCharacters;
  }

  isLong(value: unknown): boolean {
    return this.#of(value) > this.pieceCharacters;
  }

  /** As `jsonLength`; stops when it is longer than a piece. */
  #of(value: unknown): number {
    if (typeof value !== 'object' || value === null) return jsonLength(value);
    const counted = written.get(value)?.json.length ?? this.#counted.get(value);
    if (counted !== undefined) return counted;
    let length = '{}'.length;
    if (Array.isArray(value)) {
      for (const member of value) {
        length += this.#of(member);
        if (length > this.pieceCharacters) break;
      }
    } else {
      for (const key in value) {
        length += key.length + '"":'.length + this.#of(Reflect.get(value, key));
        if (length > this.pieceCharacters) break;
      }
    }
    // Counting a short one again is faster than caching it.
    if (length > this.pieceCharacters / 16) this.#counted.set(value, length);
    return length;
  }
}

function* longPieces(value: unknown, lengths: Lengths): Generator<string> {
  const known = writtenJson(value);
  if (known) yield* slices(known.json, lengths.pieceCharacters);
  else if (typeof value === 'string') yield* textPieces(value, lengths.pieceCharacters);
  else yield* memberPieces(Object(value), lengths);
}

/** As `JSON.stringify` serializes it as a member of an array. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

function* textPieces(text: string, pieceCharacters: number): Generator<string> {
  let done = 0;
  for (const slice of slices(text, pieceCharacters)) {
    const piece = JSON.stringify(slice);
    const start = done === 0 ? 0 : 1;
    done += slice.length;
    yield piece.slice(start, done < text.length ? -1 : undefined);
  }
}

function* slices(text: string, pieceCharacters: number): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const to = endOfPiece(text, from + pieceCharacters);
    yield text.slice(from, to);
    from = to;
  }
}

function* memberPieces(container: object, lengths: Lengths): Generator<string> {
  const isList = Array.isArray(container);
  let piece = isList ? '[' : '{';
  let separator = '';
  // Listing the entries of an object with thousands of members takes as long as serializing them.
  for (const key in container) {
    const member: unknown = Reflect.get(container, key);
    if (member === undefined && !isList) continue;
    piece += separator;
    separator = ',';
    if (!isList) piece += `${JSON.stringify(key)}:`;
    if (lengths.isLong(member)) {
      yield piece;
      piece = '';
      yield* longPieces(member, lengths);
    } else {
      piece += jsonOf(member);
    }
    if (piece.length < lengths.pieceCharacters) continue;
    yield piece;
    piece = '';
  }
  yield piece + (isList ? ']' : '}');
}

/** The end of a piece of a text, which does not split a surrogate pair. */
export function endOfPiece(text: string, at: number): number {
  const last = text.charCodeAt(at - 1);
  return last >= 0xd800 && last <= 0xdbff ? at + 1 : at;
}
