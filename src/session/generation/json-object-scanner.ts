/** The states of a scanner of a JSON object (RFC 8259). */
type State =
  | 'before'
  | 'first key'
  | 'key'
  | 'colon'
  | 'value'
  | 'first value'
  | 'after value'
  | 'string'
  | 'literal'
  | 'after'
  | 'invalid';

const space = /[ \t\n\r]/;
const literalCharacter = /[\w.+-]/;
const literalPattern = /^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?)$/;
const escapePattern = /^\\(["\\/bfnrt]|u[\da-fA-F]{4})$/;
const escapeBeginning = /^\\(u[\da-fA-F]{0,3})?$/;

/** Scans the text of one JSON object, character by character, up to the first syntax error. */
export class JsonObjectScanner {
  /** The start of the object. */
  start = 0;
  /** The end of the text that is certain to belong to the object, even if the rest has to be repaired. */
  certain = 0;
  #state: State = 'before';
  /** The expected closing brackets. */
  readonly #closers: string[] = [];
  #isKey = false;
  /** The characters so far of a literal, or of an escape in a string. */
  #pending = '';
  #at = 0;
  #end = 0;

  /** Whether the text is one object, apart from white space. */
  get complete(): boolean {
    return this.#state === 'after';
  }

  /** The end of the object, once it is complete. */
  get end(): number {
    return this.#end;
  }

  push(text: string): void {
    for (let index = 0; index < text.length && this.#state !== 'invalid'; index += 1) {
      this.#take(text.charAt(index));
      this.#at += 1;
    }
  }

  #take(character: string): void {
    switch (this.#state) {
      case 'string':
        return this.#inString(character);
      case 'literal':
        return this.#inLiteral(character);
      default:
        if (!space.test(character)) this.#token(character);
    }
  }

  #token(character: string): void {
    switch (this.#state) {
      case 'before':
        if (character !== '{') return this.#fail();
        this.start = this.#at;
        this.certain = this.#at;
        return this.#open('}', 'first key');
      case 'first key':
      case 'key':
        if (character === '"') return this.#openString(true);
        return character === '}' && this.#state === 'first key' ? this.#close(character) : this.#fail();
      case 'colon':
        return character === ':' ? this.#accept('value') : this.#fail();
      case 'value':
      case 'first value':
        return this.#value(character);
      case 'after value':
        if (character === ',') this.#state = this.#closers.at(-1) === '}' ? 'key' : 'value';
        else this.#close(character);
        return;
      default:
        this.#fail();
    }
  }

  #value(character: string): void {
    if (character === '"') return this.#openString(false);
    if (character === '{') return this.#openInner('}', 'first key');
    if (character === '[') return this.#openInner(']', 'first value');
    if (character === ']' && this.#state === 'first value') return this.#close(character);
    if (!literalCharacter.test(character)) return this.#fail();
    this.#pending = character;
    this.#state = 'literal';
  }

  #inLiteral(character: string): void {
    if (literalCharacter.test(character)) {
      this.#pending += character;
      return;
    }
    if (!literalPattern.test(this.#pending)) return this.#fail();
    this.#pending = '';
    this.#state = 'after value';
    this.certain = this.#at;
    if (!space.test(character)) this.#token(character);
  }

  #inString(character: string): void {
    if (this.#pending !== '') return this.#inEscape(character);
    if (character === '"') {
      // It may be an unescaped quotation mark, which the next characters show.
      this.#state = this.#isKey ? 'colon' : 'after value';
      return;
    }
    if (character === '\\') this.#pending = character;
    else if (character < ' ') this.#fail();
    // A surrogate pair is output as a whole.
    else if (!isHighSurrogate(character)) this.certain = this.#at + 1;
  }

  #inEscape(character: string): void {
    this.#pending += character;
    if (escapePattern.test(this.#pending)) {
      this.#pending = '';
      this.certain = this.#at + 1;
    } else if (!escapeBeginning.test(this.#pending)) this.#fail();
  }

  #openString(isKey: boolean): void {
    this.#isKey = isKey;
    this.#accept('string');
  }

  #openInner(closer: string, state: State): void {
    this.#open(closer, state);
    this.certain = this.#at + 1;
  }

  #open(closer: string, state: State): void {
    this.#closers.push(closer);
    this.#state = state;
  }

  #close(character: string): void {
    if (character !== this.#closers.at(-1)) return this.#fail();
    this.#closers.pop();
    if (this.#closers.length > 0) return this.#accept('after value');
    this.#state = 'after';
    this.#end = this.#at + 1;
  }

  #accept(state: State): void {
    this.#state = state;
    this.certain = this.#at + 1;
  }

  #fail(): void {
    this.#state = 'invalid';
  }
}

function isHighSurrogate(character: string): boolean {
  return character >= '\uD800' && character <= '\uDBFF';
}
