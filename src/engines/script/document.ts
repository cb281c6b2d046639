/** Reads a YAML or JSON file by a schema of `schema.ts`. Each mistake has the file, line and column. */

import { isAlias, isCollection, isMap, isNode, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { describe, itemsOf, placeOf, setPlace } from './schema.ts';
import { ScriptError } from './script.ts';

/** Mistakes that are reported at once. */
const maxProblems = 20;
/** Values in a file, each counted as often as an alias repeats it. */
const maxValues = 100_000;
const maxDepth = 50;

export class ScriptDocument {
  /** Each alias is replaced by the node that it refers to. */
  readonly root: Node;
  readonly #problems: string[] = [];

  /**
   * `file` is its name in messages.
   * @throws {ScriptError} for invalid YAML, an empty file, and more or deeper values than a script may have
   */
  constructor(file: string, text: string) {
    const lines = new LineCounter();
    const placeAt = (offset: number) => {
      const { line, col } = lines.linePos(offset);
      return `${file}:${line}:${col}`;
    };
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    for (const { message, pos } of document.errors) this.problem(placeAt(pos[0]), `${message}.`);
    const { contents } = document;
    if (contents === null)
      throw new ScriptError([`${file}:1:1: this script is empty. The smallest one is "else: Hello!".`]);
    this.throwProblems();
    // Found before aliases are replaced: an alias refers to the last node before it with its name.
    const anchors = new Map<string, Node>();
    const targets = new Map<Node, Node | undefined>();
    visit(document, {
      Node(_, node) {
        setPlace(node, placeAt(node.range?.[0] ?? 0));
        if (isAlias(node)) targets.set(node, anchors.get(node.source));
        else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
    let values = 0;
    visit(document, {
      Node: (key, node, path) => {
        if (key !== 'key') values += 1;
        const place = placeOf(node);
        if (values > maxValues) this.problem(place, `this file holds more than ${maxValues} values.`);
        if (path.filter(isCollection).length >= maxDepth)
          this.problem(place, `values stand more than ${maxDepth} deep in each other here.`);
        this.throwProblems();
        return targets.get(node);
      },
    });
    this.root = document.contents ?? contents;
  }

  /** @throws {ScriptError} with every mistake */
  read<T>(schema: z.ZodType<T>): T {
    const { success, data, error } = schema.safeParse(this.root);
    if (success) return data;
    const misspelt = new Set(
      error.issues.flatMap(({ code, path }) => (code === 'unrecognized_keys' ? path.slice(0, -1).join('.') : [])),
    );
    for (const issue of error.issues) {
      // A field that a mapping lacks is probably the one that is misspelt.
      if (issue.code !== 'custom' || !misspelt.has(issue.path.join('.'))) this.#report(issue);
    }
    throw new ScriptError(this.#problems);
  }

  problem(place: string, message: string): void {
    if (this.#problems.length < maxProblems) this.#problems.push(`${place}: ${message}`);
  }

  /** @throws {ScriptError} if there are problems */
  throwProblems(): void {
    if (this.#problems.length > 0) throw new ScriptError(this.#problems);
  }

  /** An issue with a value, or with the last one on its path: short forms have a shorter path in the file. */
  #report(issue: z.core.$ZodIssue): void {
    let value: unknown = this.root;
    let missing: string | undefined;
    for (const key of issue.path) {
      const next = typeof key === 'number' ? itemsOf(value)[key] : isMap(value) ? value.get(key, true) : undefined;
      missing = isMap(value) && !isNode(next) ? `'${String(key)}' is missing` : undefined;
      if (isNode(next)) value = next;
    }
    if (issue.code === 'unrecognized_keys' && isMap(value)) {
      const messages = issue.message.split('\n');
      const keys = new Map(value.items.map(({ key }) => [isScalar(key) ? String(key.value) : '?', key]));
      for (const [index, key] of issue.keys.entries()) this.problem(placeOf(keys.get(key)), messages[index] ?? '');
    } else if (issue.code === 'invalid_type') {
      this.problem(placeOf(value), `${missing ?? `got ${describe(value)}`}, expected ${issue.expected}.`);
    } else {
      this.problem(placeOf(value), issue.message);
    }
  }
}
