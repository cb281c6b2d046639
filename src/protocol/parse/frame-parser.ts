/** Shared by the parsers of both dialects: a text frame becomes an object with a type, or a `ClientEventError`. */

import type { Dialect } from '../dialect.ts';
import { WireError, wireErrors } from '../errors/wire-errors.ts';
import type { AppendEvent, ClientEvent } from '../wire/client-events.ts';
import type { Check, JsonObject } from './schema-check.ts';
import { typeName } from './schema-errors.ts';

/** A refused frame: the wire error, and the `event_id` to echo. */
export class ClientEventError extends Error {
  readonly wireError: WireError;
  readonly clientEventId: string | null;

  constructor(wireError: WireError, clientEventId: string | null) {
    super(wireError.message);
    this.name = 'ClientEventError';
    this.wireError = wireError;
    this.clientEventId = clientEventId;
  }
}

/** Far deeper than any event of the protocol, and safe for recursive functions (such as JSON). */
export const maxDepth = 100;

/** The longest session configuration has a few thousand; checking this many takes tenths of a second. */
export const maxValues = 50_000;
/** The limit in the schemas of other events; a refused id of a few times that length is still echoed. */
const maxEventIdLength = 512;
const maxEchoedIdLength = 2048;

/** Parses one type of event into its typed form. @throws {WireError} */
export type EventParser = (event: JsonObject, check: Check) => ClientEvent;

/** Combines the parsers of event types into the `parse` of a dialect. */
export function frameParser(parsers: ReadonlyMap<string, EventParser>, check: Check): Dialect['parse'] {
  return (text, notices) => {
    // Checked before parsing: a frame in which each byte is an object would use all memory.
    if (holdsMoreValuesThan(maxValues, text)) throw new ClientEventError(wireErrors.tooManyValues(maxValues), null);
    const event = parseObject(text);
    const clientEventId = echoedId(event.event_id);
    try {
      if (nestsDeeperThan(maxDepth, event)) throw wireErrors.tooDeep(maxDepth);
      const { type } = event;
      if (type === undefined) throw wireErrors.missingType();
      const parse = typeof type === 'string' ? parsers.get(type) : undefined;
      if (!parse) throw wireErrors.invalidValue('type', type, [...parsers.keys()]);
      return parse(event, (schema, object) => check(schema, object, notices));
    } catch (error) {
      if (error instanceof WireError) throw new ClientEventError(error, clientEventId);
      throw error;
    }
  };
}

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new ClientEventError(wireErrors.invalidJson(detail), null);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ClientEventError(wireErrors.notAnObject(), null);
  }
  return value as JsonObject;
}

function echoedId(id: unknown): string | null {
  return typeof id === 'string' && id.length <= maxEchoedIdLength ? id : null;
}

/** A frame up to this size is parsed within a few milliseconds … */
const lightBytes = 256 * 1024;
/** … if it has no more values than these: checking one against its schema can take ten microseconds. */
const lightValues = 2000;

/** Whether a frame of JSON takes so long to parse that a thread must do it. */
export function isHeavy(bytes: number, text: () => string): boolean {
  return bytes > lightBytes || (bytes > lightValues && holdsMoreValuesThan(lightValues, text()));
}

/** The text of a frame of JSON, decoded once; the frame itself if it `isHeavy`. */
export function textUnlessHeavy(frame: Buffer | { toString(): string }): string | Buffer {
  let text: string | undefined;
  const read = () => {
    text ??= frame.toString();
    return text;
  };
  return Buffer.isBuffer(frame) && isHeavy(frame.length, read) ? frame : read();
}

const marks = ['"', ',', '[', '{'] as const;
const backslash = 0x5c;

/**
 * Counts the separators outside strings, which bounds the number of values. Invalid JSON is left to the parser. It
 * jumps from separator to separator: in a message of 22 MiB most characters are in one string.
 */
export function holdsMoreValuesThan(limit: number, text: string): boolean {
  // Each value takes at least one character; nearly every message ends here.
  if (text.length <= limit) return false;
  const search = (mark: string, from: number) => {
    const found = text.indexOf(mark, from);
    return found < 0 ? text.length : found;
  };
  const found = marks.map((mark) => search(mark, 0));
  let values = 0;
  let strings = 0;
  for (let at = Math.min(...found); at < text.length; at = Math.min(...found)) {
    const isString = at === found[0];
    if (isString) strings += 1;
    else values += 1;
    if (values > limit) return true;
    // In JSON, a separator is followed by at most a key and a string. If not, the parser soon finds the error.
    if (strings > 2 * limit + 1) return false;
    const end = isString ? stringEnd(text, at) : at;
    for (const [index, mark] of marks.entries()) {
      if ((found[index] ?? 0) <= end) found[index] = search(mark, end + 1);
    }
  }
  return false;
}

/** The position of the closing quote of the string that starts at `start`, or the end of the text. */
function stringEnd(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

export function nestsDeeperThan(limit: number, root: object): boolean {
  let level: object[] = [root];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    const next: object[] = [];
    for (const value of level) {
      for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) next.push(child);
    }
    level = next;
  }
  return false;
}

/** Written by hand, because this event arrives fifty times a second and carries nearly all bytes. */
export function parseAppend(event: JsonObject): AppendEvent {
  for (const key in event) {
    if (key !== 'type' && key !== 'audio' && key !== 'event_id') throw wireErrors.unknownParameter(key);
  }
  const { audio, event_id } = event;
  if (audio === undefined) throw wireErrors.missingParameter('audio');
  if (typeof audio !== 'string') throw wireErrors.invalidType('audio', 'a base64-encoded string', typeName(audio));
  if (typeof event_id !== 'string') return { type: 'input_audio_buffer.append', audio, event_id: null };
  if (event_id.length > maxEventIdLength) {
    const bound = { kind: 'string', side: 'max', limit: maxEventIdLength, got: event_id.length } as const;
    throw wireErrors.wrongLength('event_id', bound);
  }
  return { type: 'input_audio_buffer.append', audio, event_id };
}
