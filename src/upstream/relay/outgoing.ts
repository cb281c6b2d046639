/** What clients send, as an upstream takes it: the core's events are GA's, but for what only this server knows of. */

import type { ClientEvent, ClientEventOf, ResponseParameters } from '../../protocol/wire/client-events.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import type { SessionUpdate } from '../../protocol/wire/session-config.ts';
import type { JsonObject } from '../link/json.ts';
import { withoutNulls } from '../mirror/session-state.ts';

/** A client's event on its way up. */
export interface Outgoing {
  readonly event: ClientEvent;
  /** Numbers the events of a session. */
  readonly sequence: number;
  readonly frame: string;
  /** The temperature that a beta client set with it, which no upstream is told: GA has none. */
  readonly temperature: number | undefined;
  /** The configuration that a `session.update` asks the upstream for. */
  readonly update?: JsonObject;
}

/** The event as it goes up, with `eventId`. An item without an id is given one, by which its echo is known. */
export function outgoingEvent(
  event: ClientEvent,
  { eventId, sequence, ids }: { eventId: string; sequence: number; ids: IdSource },
): Outgoing {
  switch (event.type) {
    case 'session.update': {
      const { session, temperature } = upstreamSession(event.session);
      const frame = JSON.stringify({ ...event, event_id: eventId, session });
      return { event, sequence, temperature, update: session, frame };
    }
    case 'response.create': {
      const parameters: ResponseParameters | null | undefined = event.response;
      const { temperature, ...response } = parameters ?? {};
      const frame = JSON.stringify({ ...event, event_id: eventId, ...(parameters && { response }) });
      return { event, sequence, temperature, frame };
    }
    case 'conversation.item.create': {
      const named = { ...event, item: { ...event.item, id: event.item.id ?? ids('item') } };
      return { event: named, sequence, temperature: undefined, frame: JSON.stringify({ ...named, event_id: eventId }) };
    }
    default:
      return { event, sequence, temperature: undefined, frame: JSON.stringify({ ...event, event_id: eventId }) };
  }
}

/** The model stays that of the connection, whatever clients call it; turn detection of a transcription answers nothing. */
export function upstreamSession(update: SessionUpdate): { session: JsonObject; temperature: number | undefined } {
  const detection = update.audio?.input?.turn_detection;
  const input = { ...update.audio?.input, ...(detection && { turn_detection: withoutNulls(detection) }) };
  if (update.type === 'transcription') {
    const { audio, ...rest } = update;
    if (!detection) return { session: { ...rest, ...(audio && { audio: { input } }) }, temperature: undefined };
    const { create_response: _answers, interrupt_response: _interrupts, ...alone } = detection;
    const turn_detection = withoutNulls(alone.type === 'server_vad' ? { ...alone, idle_timeout_ms: null } : alone);
    return { session: { ...rest, audio: { input: { ...input, turn_detection } } }, temperature: undefined };
  }
  const { model: _alias, temperature, ...session } = update;
  return { session: { ...session, ...(session.audio && { audio: { ...session.audio, input } }) }, temperature };
}

/** Whether a response is made outside the conversation. */
export function isOutOfBand(event: ClientEventOf<'response.create'>): boolean {
  return event.response?.conversation === 'none';
}
