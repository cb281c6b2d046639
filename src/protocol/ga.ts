/** The GA dialect: the core's own shapes, so that parsing is validation and serialising is JSON. */

import { type ClientEvent, type ClientEventType, clientEventSchemas } from './client-events.ts';
import type { Dialect } from './dialect.ts';
import { WireError, wireErrors } from './errors.ts';
import { schemaError } from './schema-errors.ts';
import type { ErrorDetails, ServerEvent, UnsentEvent } from './server-events.ts';

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

/** The `error` event that tells a client of `error`. */
export function errorEvent(error: WireError, clientEventId: string | null): Extract<UnsentEvent, { type: 'error' }> {
  const { type, code, message, param } = error;
  const details: ErrorDetails = { type, code, message, param, event_id: clientEventId };
  return { type: 'error', error: details };
}

const supportedTypes: readonly ClientEventType[] = [
  'session.update',
  'input_audio_buffer.append',
  'input_audio_buffer.commit',
  'input_audio_buffer.clear',
  'conversation.item.create',
  'conversation.item.truncate',
  'conversation.item.delete',
  'conversation.item.retrieve',
  'response.create',
  'response.cancel',
];

type JsonObject = Record<string, unknown>;

function parseFrame(text: string): ClientEvent {
  const event = parseObject(text);
  const clientEventId = typeof event.event_id === 'string' ? event.event_id : null;
  try {
    return parseEvent(event);
  } catch (error) {
    if (error instanceof WireError) throw new ClientEventError(error, clientEventId);
    throw error;
  }
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

function parseEvent(event: JsonObject): ClientEvent {
  const { type } = event;
  if (type === undefined) throw wireErrors.missingType();
  if (typeof type !== 'string') throw wireErrors.invalidValue('type', type, supportedTypes);
  if (type === 'input_audio_buffer.append') return parseAppend(event);
  if (!Object.hasOwn(clientEventSchemas, type)) throw wireErrors.invalidValue('type', type, supportedTypes);
  const result = clientEventSchemas[type as keyof typeof clientEventSchemas].safeParse(event);
  if (!result.success) throw schemaError(result.error.issues, event);
  checkModalities(result.data);
  return result.data;
}

/** By hand: this event arrives fifty times a second and carries nearly all the bytes. */
function parseAppend(event: JsonObject): ClientEvent {
  for (const key in event) {
    if (key !== 'type' && key !== 'audio' && key !== 'event_id') throw wireErrors.unknownParameter(key);
  }
  const { audio, event_id } = event;
  if (audio === undefined) throw wireErrors.missingParameter('audio');
  if (typeof audio !== 'string') throw wireErrors.invalidType('audio', 'a base64-encoded string', typeof audio);
  return { type: 'input_audio_buffer.append', audio, event_id: typeof event_id === 'string' ? event_id : null };
}

function checkModalities(event: ClientEvent): void {
  if (event.type === 'session.update')
    refuseBadModalities(event.session.output_modalities, 'session.output_modalities');
  if (event.type === 'response.create')
    refuseBadModalities(event.response?.output_modalities, 'response.output_modalities');
}

function refuseBadModalities(modalities: readonly string[] | undefined, param: string): void {
  if (modalities !== undefined && modalities.length !== 1) {
    throw wireErrors.invalidModalities(param, modalities, [['text'], ['audio']]);
  }
}

export const gaDialect: Dialect = {
  name: 'ga',
  parse: parseFrame,
  serialise: (event: ServerEvent) => JSON.stringify(event),
};
