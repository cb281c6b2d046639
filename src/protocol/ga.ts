/** The GA dialect. The core uses its shapes, so parsing is validation and serializing is JSON. */

import type { Dialect } from './dialect.ts';
import { renderErrorEvent, wireErrors } from './errors/wire-errors.ts';
import { type EventParser, frameParser, parseAppend } from './parse/frame-parser.ts';
import { type Check, strictCheck } from './parse/schema-check.ts';
import { refuseBadTools } from './parse/tool-check.ts';
import { type ClientEvent, clientEventSchemas } from './wire/client-events.ts';
import type { OutgoingEvent, ServerEvent } from './wire/server-events.ts';

type SchemaType = keyof typeof clientEventSchemas;

/** In the order of the hosted service's error message. */
const parsers = new Map<string, EventParser>([
  ['session.update', parseWith('session.update')],
  ['input_audio_buffer.append', parseAppend],
  ['input_audio_buffer.commit', parseWith('input_audio_buffer.commit')],
  ['input_audio_buffer.clear', parseWith('input_audio_buffer.clear')],
  ['output_audio_buffer.clear', parseWith('output_audio_buffer.clear')],
  ['conversation.item.create', parseWith('conversation.item.create')],
  ['conversation.item.truncate', parseWith('conversation.item.truncate')],
  ['conversation.item.delete', parseWith('conversation.item.delete')],
  ['conversation.item.retrieve', parseWith('conversation.item.retrieve')],
  ['response.create', parseWith('response.create')],
  ['response.cancel', parseWith('response.cancel')],
]);

/** The parser for an event type, from its schema. */
export function parseWith(type: SchemaType): EventParser {
  return (event, check) => {
    const parsed = check(clientEventSchemas[type], event);
    refuseBadSettings(parsed);
    return parsed;
  };
}

function refuseBadSettings(event: ClientEvent): void {
  if (event.type === 'session.update' && event.session.type === 'realtime') {
    refuseBadModalities(event.session.output_modalities, 'session.output_modalities');
    refuseBadTools(event.session.tools, 'session.tools');
  }
  if (event.type === 'response.create') {
    refuseBadModalities(event.response?.output_modalities, 'response.output_modalities');
    refuseBadTools(event.response?.tools, 'response.tools');
  }
}

/** Either text or audio, never both. @throws {WireError} */
export function refuseBadModalities(modalities: readonly string[] | undefined, param: string): void {
  if (modalities !== undefined && modalities.length !== 1) {
    throw wireErrors.invalidModalities(param, modalities, [['text'], ['audio']]);
  }
}

/** The core stores a temperature for beta clients; GA has none. */
function withoutTemperature(event: ServerEvent): ServerEvent {
  switch (event.type) {
    case 'session.created':
    case 'session.updated': {
      if (event.session.type === 'transcription') return event;
      const { temperature: _betaOnly, ...session } = event.session;
      return { ...event, session };
    }
    case 'response.created':
    case 'response.done': {
      const { temperature: _betaOnly, ...response } = event.response;
      return { ...event, response };
    }
    default:
      return event;
  }
}

/** The dialect with a given way of checking events against their schemas. */
export function gaDialectWith(check: Check): Dialect {
  return {
    name: 'ga',
    parse: frameParser(parsers, check),
    render: toGaEvent,
    serialise: (event) => JSON.stringify(toGaEvent(event)),
  };
}

function toGaEvent(event: OutgoingEvent): object | undefined {
  if ('extension' in event) return undefined;
  if ('extended' in event) return toGaEvent(event.extended);
  if ('relayed' in event) return event.relayed;
  return 'raised' in event ? renderErrorEvent(event) : withoutTemperature(event);
}

export const gaDialect = gaDialectWith(strictCheck('ga'));
