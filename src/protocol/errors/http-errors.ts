/** The part of the catalogue (`errors.ts`) about plain HTTP: what is refused before anything is asked in the protocol. */

import { WireError } from './wire-errors.ts';

const broken = (why: string) => new WireError(`Bad request: ${why}.`, { code: 'bad_request' });

export const httpErrors = {
  /** `message` says which name or page may not come, and what would allow it. */
  forbidden: (message: string) => new WireError(message, { code: 'forbidden' }),
  /** `why` is a clause without a full stop. */
  badRequest: broken,
  bodyBrokeOff: () => broken('the body broke off'),
  bodyInTinyPieces: (bytes: number) =>
    new WireError(
      `The body comes in pieces of less than ${bytes} bytes. Send it in larger ones, or with a Content-Length.`,
      {
        code: 'body_in_tiny_pieces',
      },
    ),
  bodyTooSlow: ({ bytesPerSecond, stallMs }: { bytesPerSecond: number; stallMs: number }) =>
    new WireError(
      `The body comes too slowly: after ${stallMs / 1000} s it has to come at ${bytesPerSecond} bytes per second or faster.`,
      { code: 'body_too_slow' },
    ),
  bodyTooLarge: (maxBytes: number) =>
    new WireError(`The body is larger than ${maxBytes} bytes.`, { code: 'too_large' }),
  /** `why` is a sentence. */
  invalidBody: (why: string) => new WireError(`The body cannot be taken. ${why}`, { code: 'invalid_body' }),
  notJson: (type: string) =>
    new WireError(
      `The body has to be JSON: send 'Content-Type: application/json'. Got ${type === '' ? 'none' : `'${type.slice(0, 64)}'`}.`,
      { code: 'unsupported_content_type' },
    ),
  unknownUrl: (method: string, path: string) => new WireError(`Invalid URL (${method} ${path})`, { code: null }),
  wrongMethod: (method: string, path: string, allowed: readonly string[]) =>
    new WireError(`Not allowed to ${method} on ${path} (HINT: use ${allowed.join(' or ')})`, {
      code: 'method_not_supported',
    }),
  speaksWebSocket: () =>
    new WireError('This address speaks WebSocket: connect with ws:// or wss://.', { code: 'upgrade_required' }),
  noWebSocket: (path: string) =>
    new WireError(`There is no WebSocket here: connect to ${path}.`, { code: 'not_found' }),
  /** `message` says what there is too much of, and when to come back. */
  overloaded: (message: string) => new WireError(message, { type: 'server_error', code: 'overloaded' }),
  undecided: () => httpErrors.overloaded('Authentication is temporarily unavailable. Try again.'),
  internal: () =>
    new WireError('The server had an error. Its log has the details.', {
      type: 'server_error',
      code: 'internal_error',
    }),
};
