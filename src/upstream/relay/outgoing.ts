/** Converts client events for an upstream: the core's events are GA's, except for what only this server knows. */

import type { ClientEvent, ClientEventOf, ResponseParameters } from '../../protocol/wire/client-events.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import type { SessionUpdate } from '../../protocol/wire/session-config.ts';
import type { JsonObject } from '../link/json.ts';
import { withoutNulls } from '../mirror/session-state.ts';

/** A client event on its way to the upstream. */
export interface Outgoing {
  readonly event: ClientEvent;
  /** Sequence number in the session. */
  readonly sequence: number;
  readonly frame: string;
  /** The temperature that a beta client set, which GA does not have. */
  readonly temperature: number | undefined;
  /** The configuration that a `session.update` requests. */
  readonly update?: JsonObject;
}

/** The event to send, with `eventId`. An item without an id gets one, so that its echo can be recognized. */
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

/** The connection's model does not change; turn detection of a transcription session has no fields about responses. */
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

/** Whether a response is out of band. */
export function isOutOfBand(event: ClientEventOf<'response.create'>): boolean {
  return event.response?.conversation === 'none';
}
