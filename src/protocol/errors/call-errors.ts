/** The part of the catalogue (`errors.ts`) about calls. */

import { shorten } from './texts.ts';
import { WireError } from './wire-errors.ts';

const unknown = (message: string) => new WireError(message, { code: 'call_id_not_found', param: 'call_id' });

export const callErrors = {
  // ---- Over HTTP ----
  /** The hosted service's text and code. The same for a call of another project, so that a guess reveals nothing. */
  unknownCall: () => unknown('No session found for the provided call_id.'),
  /** For `accept`, `reject` and `refer`, which are for telephone calls. */
  notByTelephone: (callId: string) =>
    unknown(`The call '${callId}' is not a telephone call. To end it, use POST /v1/realtime/calls/${callId}/hangup.`),
  badOffer: (message: string) => new WireError(message, { code: 'invalid_offer', param: 'sdp' }),
  notAnOffer: (type: string) =>
    new WireError(
      `The body must be an SDP offer with 'Content-Type: application/sdp', or a form (multipart/form-data) with a part 'sdp'. Got ${type === '' ? 'none' : `'${shorten(type, 64)}'`}.`,
      { code: 'unsupported_content_type' },
    ),
  sessionOfSecret: () =>
    new WireError(
      "The client secret has the configuration of the session. Leave out the part 'session', or use an API key.",
      { code: 'invalid_parameter', param: 'session' },
    ),
  tooManyPending: (limit: number) =>
    new WireError(`The server has as many calls as it may have that are not connected yet: ${limit}. Try again.`, {
      type: 'server_error',
      code: 'overloaded',
    }),
  noPort: () =>
    new WireError('All ports for calls are in use. Try again when a call has ended.', {
      type: 'server_error',
      code: 'overloaded',
    }),

  // ---- On the data channel ----
  binaryMessage: () =>
    new WireError('Expected a text message; binary messages are not supported on the data channel.', {
      code: 'invalid_event',
    }),
  eventTooLarge: (type: string, maxBytes: number) =>
    new WireError(
      `An event '${type}' was left out: it is larger than the largest message of this data channel, ${maxBytes} bytes. A WebSocket with the call_id of this call gets such events.`,
      { type: 'server_error', code: 'event_too_large' },
    ),
};
