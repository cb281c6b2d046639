/** A YAML or JSON file as a tree of parts that know where they stand, so that every mistake is told with its line and column. */

import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument, Scalar } from 'yaml';
import { nearest } from '../../protocol/parse/nearest.ts';

/** Mistakes that are told at once. */
const maxProblems = 20;
/** Values in a file, each counted as often as an alias repeats it. */
const maxParts = 100_000;
const maxDepth = 50;
const maxDurationMs = 10 * 60_000;

/** The parsed file, and the mistakes found in it so far. */
export class ScriptDocument {
  /** Each a sentence that begins with `file:line:column:`. */
  readonly problems: string[] = [];
  readonly root: DocumentNode | undefined;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: ReturnType<typeof parseDocument<ParsedNode>>;
  #parts = 0;

  /** `file` is how messages name it. */
  constructor(file: string, text: string) {
    this.#file = file;
    this.#document = parseDocument<ParsedNode>(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { message, pos } of this.#document.errors) this.problem(this.placeAt(pos[0]), `${message}.`);
    const { contents } = this.#document;
    if (this.problems.length === 0 && contents !== null) this.root = this.part(contents, this.placeOf(contents), 0);
  }

  get file(): string {
    return this.#file;
  }

  /** Notes a mistake; beyond the first twenty they are not told. */
  problem(place: string, message: string): void {
    if (this.problems.length < maxProblems) this.problems.push(`${place}: ${message}`);
  }

  part(node: unknown, place: string, depth: number): DocumentNode {
    this.#parts += 1;
    if (this.#parts === maxParts) this.problem(place, `this file holds more than ${maxParts} values.`);
    if (depth === maxDepth) this.problem(place, `values stand more than ${maxDepth} deep in each other here.`);
    const tooMuch = this.#parts >= maxParts || depth >= maxDepth;
    const target = isAlias(node) && !tooMuch ? node.resolve(this.#document) : node;
    return new DocumentNode(this, tooMuch ? undefined : target, place, depth);
  }

  placeOf(node: { range?: readonly number[] | null }): string {
    return this.placeAt(node.range?.[0] ?? 0);
  }

  placeAt(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }
}

/** One value of the file. Its readers note a mistake and give undefined when it is not what was asked for. */
export class DocumentNode {
  /** `file:line:column` */
  readonly place: string;
  readonly #document: ScriptDocument;
  readonly #node: unknown;
  readonly #depth: number;

  constructor(document: ScriptDocument, node: unknown, place: string, depth: number) {
    this.#document = document;
    this.#node = node;
    this.place = place;
    this.#depth = depth;
  }

  get isMapping(): boolean {
    return isMap(this.#node);
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  /** Whether there is text, a number or a switch here. */
  get isScalar(): boolean {
    return isScalar(this.#node) && this.#node.value !== null;
  }

  /** Entries of a mapping, known or not. */
  get size(): number {
    return isMap(this.#node) ? this.#node.items.length : 0;
  }

  problem(message: string): undefined {
    this.#document.problem(this.place, message);
  }

  /** The fields of a mapping; `what` names it in messages, and `allowed` its fields. */
  fields(what: string, allowed: readonly string[]): ReadonlyMap<string, DocumentNode> | undefined {
    const all = this.entries(`${what}: a mapping with ${list(allowed)}`);
    if (all === undefined) return undefined;
    const known = new Map<string, DocumentNode>();
    for (const [name, { key, value }] of all) {
      if (allowed.includes(name)) {
        known.set(name, value);
        continue;
      }
      const meant = nearest(name, allowed);
      const hint = meant === undefined ? '' : ` Did you mean '${meant}'?`;
      this.#document.problem(key, `'${name}' is not a field of ${what}.${hint} Allowed: ${list(allowed)}.`);
    }
    return known;
  }

  /** Every entry of a mapping, with the place of its key. */
  entries(expected: string): Map<string, { key: string; value: DocumentNode }> | undefined {
    if (!isMap(this.#node)) return this.#reportUnexpected(expected);
    const entries = new Map<string, { key: string; value: DocumentNode }>();
    for (const { key, value } of this.#node.items) {
      const keyPlace = hasRange(key) ? this.#document.placeOf(key) : this.place;
      const valuePlace = hasRange(value) ? this.#document.placeOf(value) : keyPlace;
      const name = isScalar(key) ? String(key.value) : '?';
      entries.set(name, { key: keyPlace, value: this.#document.part(value, valuePlace, this.#depth + 1) });
    }
    return entries;
  }

  /** The entries of a list, or this part alone where it is no list. */
  eachOf(): DocumentNode[] {
    if (!isSeq(this.#node)) return [this];
    return this.#node.items.map((item) =>
      this.#document.part(item, hasRange(item) ? this.#document.placeOf(item) : this.place, this.#depth + 1),
    );
  }

  /** Text; numbers and switches count as they are written. */
  text(expected = 'text'): string | undefined {
    if (!isScalar(this.#node) || this.#node.value === null) return this.#reportUnexpected(expected);
    const { value, source, type } = this.#node;
    return type === Scalar.PLAIN && typeof value !== 'string' ? (source ?? String(value)) : String(value);
  }

  choice<const T extends string>(choices: readonly T[]): T | undefined {
    const given = this.text(`one of ${list(choices)}`);
    if (given === undefined) return undefined;
    const known = choices.find((each) => each === given);
    if (known !== undefined) return known;
    const meant = nearest(given, choices);
    const hint = meant === undefined ? '' : ` Did you mean '${meant}'?`;
    return this.problem(`got ${quote(given)}, expected one of ${list(choices)}.${hint}`);
  }

  /** Milliseconds: a number of them, or `250ms`, `1.5s`. */
  duration(): number | undefined {
    const expected = 'a duration such as 250ms, 1.5s or 0, of at most 10 minutes';
    const given = this.text(expected);
    if (given === undefined) return undefined;
    const [, number, unit] = /^(\d+(?:\.\d+)?) ?(ms|s|)$/.exec(given.trim()) ?? [];
    const ms = Number(number) * (unit === 's' ? 1000 : 1);
    return ms <= maxDurationMs ? ms : this.#reportUnexpected(expected);
  }

  integer(min: number, max: number): number | undefined {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.#reportUnexpected(`a whole number from ${min} to ${max}`);
  }

  /** A number from 0 to 1. */
  fraction(): number | undefined {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === 'number' && value >= 0 && value <= 1
      ? value
      : this.#reportUnexpected('a number from 0 to 1');
  }

  boolean(): boolean | undefined {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === 'boolean' ? value : this.#reportUnexpected('true or false');
  }

  /** Any value, with what `leaf` makes of each text in it. */
  tree<T>(leaf: (text: string, part: DocumentNode) => T): Tree<T> {
    if (this.isList) return this.eachOf().map((item) => item.tree(leaf));
    if (this.isMapping) {
      const entries = this.entries('a mapping') ?? new Map<string, { value: DocumentNode }>();
      return new Map(Array.from(entries, ([name, { value }]) => [name, value.tree(leaf)]));
    }
    const value = isScalar(this.#node) ? this.#node.value : null;
    if (typeof value === 'string') return { leaf: leaf(value, this) };
    if (typeof value === 'number' || typeof value === 'boolean') return { value };
    return { value: null };
  }

  #reportUnexpected(expected: string): undefined {
    return this.problem(`got ${this.#describe()}, expected ${expected}.`);
  }

  #describe(): string {
    if (this.isMapping) return 'a mapping';
    if (this.isList) return 'a list';
    return isScalar(this.#node) && this.#node.value !== null ? quote(String(this.#node.source)) : 'nothing';
  }
}

/** A value as JSON has it, whose texts may stand for something else. */
export type Tree<T> = { leaf: T } | { value: number | boolean | null } | Tree<T>[] | Map<string, Tree<T>>;

function hasRange(node: unknown): node is { range: readonly number[] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}

export function list(words: readonly string[]): string {
  return words.join(', ');
}

export function quote(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}
