/**
 * Parses the types of the official Node SDK's events from its declaration files, because the compiler has no API. It
 * supports what those files use: interfaces, namespaces, unions, arrays, literals, optional properties, index
 * signatures, and references, also to other files. Anything else is an error.
 */

import { readFileSync } from 'node:fs';
import { Reader, type Token, tokens } from './official-tokens.ts';

export type Literal = string | number | boolean | null;

export interface Property {
  type: Type;
  optional: boolean;
}

export type Type =
  | { kind: 'primitive'; name: 'string' | 'number' | 'boolean' }
  | { kind: 'unknown' }
  | { kind: 'literal'; value: Literal }
  | { kind: 'array'; element: Type }
  | { kind: 'union'; members: Type[] }
  | { kind: 'object'; properties: Map<string, Property>; others: Type | undefined }
  | { kind: 'reference'; name: string; resolve: () => Type };

/** A file or a namespace: a scope of type names. */
interface Scope {
  parent: Scope | undefined;
  types: Map<string, () => Type>;
  namespaces: Map<string, Scope>;
}

const files = new Map<string, DeclarationFile>();

/** The declaration file at a path; each is parsed once. */
export function declarationFile(path: URL): DeclarationFile {
  const known = files.get(path.href) ?? new DeclarationFile(path, readFileSync(path, 'utf8'));
  files.set(path.href, known);
  return known;
}

/** A type without a name, such as `'text' | 'audio'`. */
export function typeFrom(text: string): Type {
  return new DeclarationFile(new URL('inline:///'), `type Inline = ${text};`).type('Inline');
}

/** The members of a union, with nested unions flattened; any other type is its only member. */
export function membersOf(type: Type): Type[] {
  if (type.kind === 'reference') return membersOf(type.resolve());
  return type.kind === 'union' ? type.members.flatMap(membersOf) : [type];
}

class DeclarationFile {
  readonly #path: URL;
  readonly #tokens: Token[];
  readonly #scope: Scope = { parent: undefined, types: new Map(), namespaces: new Map() };
  /** Imported types, and imported namespaces (`* as`). */
  readonly #imports = new Map<string, { from: URL; name: string }>();

  constructor(path: URL, source: string) {
    this.#path = path;
    this.#tokens = tokens(source);
    const reader = this.#reader(0);
    while (!reader.done) this.#statement(reader, this.#scope);
  }

  /** The type that the file exports under this name. */
  type(name: string): Type {
    return this.#lookUp([name], this.#scope);
  }

  #reader(at: number): Reader {
    return new Reader(this.#tokens, this.#path.href, at);
  }

  /** One statement of a file or a namespace. Types are parsed on demand. */
  #statement(reader: Reader, scope: Scope): void {
    if (reader.takes('import')) return this.#import(reader);
    reader.takes('export');
    reader.takes('declare');
    if (reader.takes('namespace')) {
      const { text } = reader.next('name');
      const inner: Scope = scope.namespaces.get(text) ?? { parent: scope, types: new Map(), namespaces: new Map() };
      scope.namespaces.set(text, inner);
      reader.expect('{');
      while (!reader.takes('}')) this.#statement(reader, inner);
    } else if (reader.takes('interface')) {
      const { text } = reader.next('name');
      const { at } = reader;
      scope.types.set(
        text,
        once(() => this.#object(this.#reader(at), scope)),
      );
      reader.skipStatement();
    } else if (reader.takes('type')) {
      const { text } = reader.next('name');
      const { at } = reader;
      scope.types.set(
        text,
        once(() => {
          const body = this.#reader(at);
          body.expect('=');
          return this.#union(body, scope);
        }),
      );
      reader.skipStatement();
    } else {
      reader.skipStatement();
    }
  }

  #import(reader: Reader): void {
    const names: [name: string, as: string][] = [];
    if (reader.takes('*')) {
      reader.expect('as');
      names.push(['*', reader.next('name').text]);
    } else {
      reader.expect('{');
      while (!reader.takes('}')) {
        reader.takes('type');
        const { text } = reader.next('name');
        names.push([text, reader.takes('as') ? reader.next('name').text : text]);
        reader.takes(',');
      }
    }
    reader.expect('from');
    const from = new URL(reader.next('string').text.replace(/\.js$/, '.d.ts'), this.#path);
    for (const [name, as] of names) this.#imports.set(as, { from, name });
    reader.takes(';');
  }

  #union(reader: Reader, scope: Scope): Type {
    reader.takes('|');
    const members = [this.#postfix(reader, scope)];
    while (reader.takes('|')) members.push(this.#postfix(reader, scope));
    return members.length === 1 && members[0] ? members[0] : { kind: 'union', members };
  }

  #postfix(reader: Reader, scope: Scope): Type {
    let type = this.#single(reader, scope);
    while (reader.takes('[')) {
      reader.expect(']');
      type = { kind: 'array', element: type };
    }
    // `string & {}` keeps a list of known names open.
    if (reader.takes('&')) {
      reader.expect('{');
      reader.expect('}');
    }
    return type;
  }

  #single(reader: Reader, scope: Scope): Type {
    if (reader.sees('{')) return this.#object(reader, scope);
    if (reader.takes('(')) {
      const inner = this.#union(reader, scope);
      reader.expect(')');
      return inner;
    }
    const { kind, text } = reader.next();
    if (kind === 'string') return { kind: 'literal', value: text };
    if (kind === 'number') return { kind: 'literal', value: Number(text) };
    if (kind !== 'name') throw reader.unsupported(`a type cannot begin with ${text}`);
    switch (text) {
      case 'string':
      case 'number':
      case 'boolean':
        return { kind: 'primitive', name: text };
      case 'unknown':
        return { kind: 'unknown' };
      case 'null':
        return { kind: 'literal', value: null };
      case 'true':
      case 'false':
        return { kind: 'literal', value: text === 'true' };
      case 'Array': {
        reader.expect('<');
        const element = this.#union(reader, scope);
        reader.expect('>');
        return { kind: 'array', element };
      }
      case 'Record': {
        reader.expect('<');
        reader.expect('string');
        reader.expect(',');
        const others = this.#union(reader, scope);
        reader.expect('>');
        return { kind: 'object', properties: new Map(), others };
      }
    }
    const path = [text];
    while (reader.takes('.')) path.push(reader.next('name').text);
    if (reader.sees('<')) throw reader.unsupported(`generic type ${path.join('.')}`);
    return { kind: 'reference', name: path.join('.'), resolve: once(() => this.#lookUp(path, scope)) };
  }

  #object(reader: Reader, scope: Scope): Type {
    reader.expect('{');
    const properties = new Map<string, Property>();
    let others: Type | undefined;
    while (!reader.takes('}')) {
      if (reader.takes('[')) {
        reader.next('name');
        reader.expect(':');
        reader.expect('string');
        reader.expect(']');
        reader.expect(':');
        others = this.#union(reader, scope);
      } else {
        const { text } = reader.next();
        const optional = reader.takes('?');
        reader.expect(':');
        properties.set(text, { type: this.#union(reader, scope), optional });
      }
      reader.takes(';');
    }
    return { kind: 'object', properties, others };
  }

  /** Resolves a name: in its own namespace, the enclosing ones, the file, or the file that it is imported from. */
  #lookUp(path: readonly string[], scope: Scope): Type {
    const [first = '', ...rest] = path;
    for (let around: Scope | undefined = scope; around; around = around.parent) {
      const found = within(around, path);
      if (found) return found;
    }
    const imported = this.#imports.get(first);
    if (imported === undefined) throw new Error(`${this.#path.href}: there is no type ${path.join('.')}`);
    const file = declarationFile(imported.from);
    return file.#lookUp(imported.name === '*' ? rest : [imported.name, ...rest], file.#scope);
  }
}

function within(scope: Scope, [first = '', ...rest]: readonly string[]): Type | undefined {
  if (rest.length === 0) return scope.types.get(first)?.();
  const inner = scope.namespaces.get(first);
  return inner && within(inner, rest);
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
