/** The tokens of a TypeScript declaration file: names, strings, numbers and punctuation, without comments. */

export type Token = { kind: 'name' | 'string' | 'number' | 'mark'; text: string };

const pattern =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|\s+|(?<name>[A-Za-z_$][\w$]*)|'(?<single>[^'\n]*)'|"(?<double>[^"\n]*)"|(?<number>\d+(?:\.\d+)?)|(?<mark>=>|\.\.\.|[^\s\w])/gy;

export function tokens(source: string): Token[] {
  const found: Token[] = [];
  for (const { groups = {} } of source.matchAll(pattern)) {
    const string = groups.single ?? groups.double;
    if (groups.name !== undefined) found.push({ kind: 'name', text: groups.name });
    else if (string !== undefined) found.push({ kind: 'string', text: string });
    else if (groups.number !== undefined) found.push({ kind: 'number', text: groups.number });
    else if (groups.mark !== undefined) found.push({ kind: 'mark', text: groups.mark });
  }
  return found;
}

/** A position in the tokens. */
export class Reader {
  readonly #tokens: readonly Token[];
  readonly #file: string;
  at: number;

  constructor(all: readonly Token[], file: string, at = 0) {
    this.#tokens = all;
    this.#file = file;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.#tokens.length;
  }

  /** Whether the next token is this one, and not a string with the same text. */
  sees(text: string): boolean {
    const token = this.#tokens[this.at];
    return token !== undefined && token.kind !== 'string' && token.text === text;
  }

  /** Takes the next token if it is this one. */
  takes(text: string): boolean {
    const seen = this.sees(text);
    if (seen) this.at += 1;
    return seen;
  }

  expect(text: string): void {
    if (!this.takes(text)) throw this.unsupported(`expected ${text}`);
  }

  next(kind?: Token['kind']): Token {
    const token = this.#tokens[this.at];
    if (token === undefined || (kind !== undefined && token.kind !== kind))
      throw this.unsupported(`expected a ${kind}`);
    this.at += 1;
    return token;
  }

  /** Skips one statement: to its semicolon, or past its block. */
  skipStatement(): void {
    let depth = 0;
    while (!this.done) {
      const { kind, text } = this.next();
      if (kind === 'mark' && '{(['.includes(text)) depth += 1;
      if (kind === 'mark' && '})]'.includes(text)) depth -= 1;
      if (depth === 0 && kind === 'mark' && (text === ';' || (text === '}' && !this.#continues()))) return;
    }
  }

  /** After `}`, the statement continues if an operator, the source of an import or the semicolon follows. */
  #continues(): boolean {
    return [';', '|', '&', '[', 'from'].some((text) => this.sees(text));
  }

  unsupported(what: string): Error {
    const around = this.#tokens.slice(Math.max(0, this.at - 8), this.at + 4).map((token) => token.text);
    return new Error(`${this.#file}: cannot read this declaration (${what}) near: ${around.join(' ')}`);
  }
}
