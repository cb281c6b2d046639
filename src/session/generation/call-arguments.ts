/** The streamed arguments of a tool call: always one JSON object, regardless of what the model's server sends. */

import { textBounds } from '../speech/text-bounds.ts';
import { JsonObjectScanner } from './json-object-scanner.ts';
import { repairArguments } from './repair-arguments.ts';

/**
 * Outputs the text that is certain to be part of the arguments, and holds back what a repair may change: an empty
 * object, commas and literals at the end, and everything after a syntax error.
 */
export class CallArguments {
  readonly #scanner = new JsonObjectScanner();
  #text = '';
  #sent = 0;

  /** Takes the next chunk and returns the text to output. */
  push(delta: string): string {
    this.#text += delta;
    this.#scanner.push(delta);
    return this.#giveTo(this.#scanner.certain);
  }

  get tooLong(): boolean {
    return this.#text.length > textBounds.arguments;
  }

  /** A single-line excerpt for a message. */
  get excerpt(): string {
    const line = this.#text.slice(0, 200).replaceAll(/[\p{C}\s]+/gu, ' ');
    return this.#text.length > 200 ? `${line}…` : line;
  }

  /** The rest, so that all output together is one JSON object; undefined if the object is ambiguous. */
  finish(): string | undefined {
    if (this.#scanner.complete) {
      const { end } = this.#scanner;
      // White space behind the object changes nothing; what a script sends arrives as it was written.
      return this.#giveTo(this.#text.slice(end).trim() === '' ? this.#text.length : end);
    }
    const repaired = repairArguments(this.#text);
    if (!repaired?.startsWith(this.#text.slice(this.#start, this.#start + this.#sent))) return undefined;
    return repaired.slice(this.#sent);
  }

  /** The start of the object in the text. */
  get #start(): number {
    return this.#scanner.start;
  }

  #giveTo(end: number): string {
    const from = this.#start + this.#sent;
    if (end <= from) return '';
    this.#sent = end - this.#start;
    return this.#text.slice(from, end);
  }
}
