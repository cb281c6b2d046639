/** The arguments of a tool call as they stream: one JSON object, whatever the model's server makes of it. */

import { JsonObjectScanner } from './json-object-scanner.ts';
import { repairArguments } from './repair-arguments.ts';

/** Characters of the arguments of one call. */
export const maxArguments = 1024 ** 2;

/**
 * Gives out what is certain to be part of the arguments, and keeps back what a repair may change: an object that is empty so
 * far, commas and literals that are not followed by anything yet, and all that follows a mistake.
 */
export class CallArguments {
  readonly #scanner = new JsonObjectScanner();
  #text = '';
  #sent = 0;

  /** Takes the next piece and returns what can be given out. */
  push(delta: string): string {
    this.#text += delta;
    this.#scanner.push(delta);
    return this.#giveTo(this.#scanner.certain);
  }

  get tooLong(): boolean {
    return this.#text.length > maxArguments;
  }

  /** An excerpt for a message, on one line. */
  get excerpt(): string {
    const line = this.#text.slice(0, 200).replaceAll(/[\p{C}\s]+/gu, ' ');
    return this.#text.length > 200 ? `${line}…` : line;
  }

  /** What is left to give out, so that all pieces together are one JSON object; undefined where it is not clear which. */
  finish(): string | undefined {
    if (this.#scanner.complete) return this.#giveTo(this.#scanner.end);
    const repaired = repairArguments(this.#text);
    if (!repaired?.startsWith(this.#text.slice(this.#start, this.#start + this.#sent))) return undefined;
    return repaired.slice(this.#sent);
  }

  /** Where the object begins in the text. */
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
