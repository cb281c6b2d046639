/**
 * Orders the chunks of tool calls. Servers number them with gaps or all with 0, omit ids, repeat names, and send
 * arguments whole, as objects or in interleaved chunks; a `ModelEvent` stream has one call after the other.
 */

import { isObject } from '../../../core/json.ts';
import type { ModelEvent } from '../../../session/ports/language-model.ts';
import { field, numberField, textField } from '../json.ts';
import { RequestFailure } from '../request-failure.ts';

/** Maximum characters of the arguments of one call. */
const maxArguments = 1024 ** 2;
const maxCalls = 128;

interface Call {
  index: number | undefined;
  id: string | undefined;
  name: string;
  /** Arguments that have not been output yet. */
  arguments: string[];
  /** Characters of all arguments. */
  length: number;
  end: ObjectEnd;
  begun: boolean;
}

export class ToolCalls {
  readonly #engine: string;
  readonly #calls: Call[] = [];
  /** The index of the call that is being output; earlier calls are complete. */
  #at = 0;

  /** `engine`: its name, stored with its call ids. */
  constructor(engine: string) {
    this.#engine = engine;
  }

  get any(): boolean {
    return this.#calls.length > 0;
  }

  /**
   * Takes one entry of `delta.tool_calls` and returns the events that are certain so far.
   * @throws {RequestFailure} when there are too many calls or a call is too long
   */
  push(piece: unknown): ModelEvent[] {
    const call = this.#callOf(piece);
    const name = textField(field(piece, 'function'), 'name') ?? '';
    // Most servers name the call once, some in every chunk.
    if (call.name === '') call.name = name;
    const given = field(field(piece, 'function'), 'arguments');
    const added = typeof given === 'string' ? given : isObject(given) ? JSON.stringify(given) : '';
    if (added === '') return this.#take(false);
    if (this.#calls.indexOf(call) < this.#at) {
      throw new RequestFailure('it sent more arguments for a complete call');
    }
    call.arguments.push(added);
    call.length += added.length;
    call.end.push(added);
    if (call.length > maxArguments) {
      throw new RequestFailure(`it called a function with more than ${maxArguments} characters of arguments`);
    }
    return this.#take(false);
  }

  /** The remaining events at the end. `cut`: the last call may be incomplete and then has no end. */
  finish(cut: boolean): ModelEvent[] {
    return this.#take(true, cut);
  }

  /** Ends the calls so far if they are complete, so that text may follow; otherwise undefined. */
  settle(): ModelEvent[] | undefined {
    return this.#calls.slice(this.#at).every((call) => call.end.reached) ? this.#take(true) : undefined;
  }

  #callOf(piece: unknown): Call {
    const index = numberField(piece, 'index');
    const id = textField(piece, 'id') || undefined;
    const name = textField(field(piece, 'function'), 'name') || undefined;
    const open = index === undefined ? this.#calls.at(-1) : this.#calls.findLast((call) => call.index === index);
    const another =
      open === undefined ||
      (id !== undefined && open.id !== undefined && id !== open.id) ||
      (name !== undefined && open.name !== '' && id === undefined && open.end.reached);
    if (!another) {
      open.id ??= id;
      return open;
    }
    if (this.#calls.length >= maxCalls) throw new RequestFailure(`it called more than ${maxCalls} functions at once`);
    const call: Call = { index, id, name: '', arguments: [], length: 0, end: new ObjectEnd(), begun: false };
    this.#calls.push(call);
    return call;
  }

  #take(all: boolean, cut = false): ModelEvent[] {
    const events: ModelEvent[] = [];
    for (let call = this.#calls[this.#at]; call !== undefined; call = this.#calls[this.#at]) {
      const last = this.#at === this.#calls.length - 1;
      if (!call.begun) {
        // A server may send the name after the first arguments.
        if (call.name === '' && !all) return events;
        if (call.name === '') throw new RequestFailure('it called a function without a name');
        call.begun = true;
        events.push({
          type: 'call',
          name: call.name,
          ...(call.id !== undefined && { callId: call.id, engine: this.#engine }),
        });
      }
      if (call.arguments.length > 0) {
        events.push({ type: 'call_arguments', delta: call.arguments.join('') });
        call.arguments = [];
      }
      if (!all && (last || !call.end.reached)) return events;
      if (cut && last && !call.end.reached) return events;
      // A function without parameters may be called without arguments.
      if (call.length === 0) events.push({ type: 'call_arguments', delta: '{}' });
      events.push({ type: 'call_end' });
      this.#at += 1;
    }
    return events;
  }
}

/** Finds the end of a JSON object in chunks of text. Each character is examined once. */
class ObjectEnd {
  #state: 'before' | 'within' | 'after' | 'none' = 'before';
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Whether the text is a single object, judging by its braces. */
  get reached(): boolean {
    return this.#state === 'after';
  }

  push(text: string): void {
    for (const character of text) {
      if (this.#inString) this.#skip(character);
      else if (this.#state === 'within') this.#count(character);
      else if (character.trim() !== '') this.#begin(character);
    }
  }

  #begin(character: string): void {
    this.#state = this.#state === 'before' && character === '{' ? 'within' : 'none';
    this.#depth = 1;
  }

  #skip(character: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (character === '\\') this.#escaped = true;
    else if (character === '"') this.#inString = false;
  }

  #count(character: string): void {
    if (character === '"') this.#inString = true;
    else if (character === '{') this.#depth += 1;
    else if (character === '}') this.#depth -= 1;
    if (this.#depth === 0) this.#state = 'after';
  }
}
