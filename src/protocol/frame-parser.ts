/** What the parsers of both dialects share: a text frame becomes an object with a type, or a `ClientEventError`. */

import type { AppendEvent, ClientEvent } from './client-events.ts';
import { WireError, wireErrors } from './errors.ts';
import type { Check } from './schema-check.ts';
import { typeName } from './schema-errors.ts';

/** A refused frame: the wire error, and the id that the client gave to the event, to be echoed. */
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

export type JsonObject = Record<string, unknown>;

/** No event of the protocol comes near it, and what recurses over an event (JSON itself does) is safe within it. */
const maxDepth = 100;

/** Turns one type of event into its typed form. @throws {WireError} */
export type EventParser = (event: JsonObject, check: Check) => ClientEvent;

/** Makes a dialect's `parse` from the parsers of its event types. */
export function frameParser(parsers: ReadonlyMap<string, EventParser>, check: Check): (text: string) => ClientEvent {
  const supportedTypes = [...parsers.keys()];
  return (text) => {
    const event = parseObject(text);
    const clientEventId = typeof event.event_id === 'string' ? event.event_id : null;
    try {
      if (nestsDeeperThan(maxDepth, event)) throw wireErrors.tooDeep(maxDepth);
      const { type } = event;
      if (type === undefined) throw wireErrors.missingType();
      const parse = typeof type === 'string' ? parsers.get(type) : undefined;
      if (!parse) throw wireErrors.invalidValue('type', type, supportedTypes);
      return parse(event, check);
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

function nestsDeeperThan(limit: number, root: object): boolean {
  let level: object[] = [root];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((value) =>
      Object.values(value).filter((child) => typeof child === 'object' && child !== null),
    );
  }
  return false;
}

/** By hand: this event arrives fifty times a second and carries nearly all the bytes. */
export function parseAppend(event: JsonObject): AppendEvent {
  for (const key in event) {
    if (key !== 'type' && key !== 'audio' && key !== 'event_id') throw wireErrors.unknownParameter(key);
  }
  const { audio, event_id } = event;
  if (audio === undefined) throw wireErrors.missingParameter('audio');
  if (typeof audio !== 'string') throw wireErrors.invalidType('audio', 'a base64-encoded string', typeName(audio));
  return { type: 'input_audio_buffer.append', audio, event_id: typeof event_id === 'string' ? event_id : null };
}
