/** The part of the catalogue (`errors.ts`) about plain HTTP. */

import { absentEndpoint } from './absent-endpoints.ts';
import { WireError } from './wire-errors.ts';

const broken = (why: string) => new WireError(`Bad request: ${why}.`, { code: 'bad_request' });

export const httpErrors = {
  /** `message` names the refused host or origin and the option that allows it. */
  forbidden: (message: string) => new WireError(message, { code: 'forbidden' }),
  /** `why` is a clause without a full stop. */
  badRequest: broken,
  bodyBrokeOff: () => broken('the body is incomplete'),
  bodyInTinyPieces: (bytes: number) =>
    new WireError(`The body arrives in pieces of less than ${bytes} bytes. Send larger pieces, or a Content-Length.`, {
      code: 'body_in_tiny_pieces',
    }),
  bodyTooSlow: ({ bytesPerSecond, stallMs }: { bytesPerSecond: number; stallMs: number }) =>
    new WireError(
      `The body is too slow: after ${stallMs / 1000} s it must arrive at ${bytesPerSecond} bytes per second or faster.`,
      { code: 'body_too_slow' },
    ),
  bodyTooLarge: (maxBytes: number) =>
    new WireError(`The body is larger than ${maxBytes} bytes.`, { code: 'too_large' }),
  /** `why` is a sentence. */
  invalidBody: (why: string) => new WireError(`The body is invalid. ${why}`, { code: 'invalid_body' }),
  notJson: (type: string) =>
    new WireError(
      `The body must be JSON with 'Content-Type: application/json'. Got ${type === '' ? 'none' : `'${type.slice(0, 64)}'`}.`,
      { code: 'unsupported_content_type' },
    ),
  unknownUrl(method: string, path: string) {
    const absent = absentEndpoint(path);
    if (absent !== undefined) return new WireError(`${method} ${path}: ${absent}`, { code: 'endpoint_not_available' });
    return new WireError(`Invalid URL (${method} ${path})`, { code: null });
  },
  wrongMethod: (method: string, path: string, allowed: readonly string[]) =>
    new WireError(`Not allowed to ${method} on ${path} (HINT: use ${allowed.join(' or ')})`, {
      code: 'method_not_supported',
    }),
  speaksWebSocket: () =>
    new WireError('This URL is a WebSocket endpoint. Connect with ws:// or wss://.', { code: 'upgrade_required' }),
  noWebSocket: (path: string) =>
    new WireError(`This URL is no WebSocket endpoint. Connect to ${path}.`, { code: 'not_found' }),
  /** `message` names what is exhausted and says when to retry. */
  overloaded: (message: string) => new WireError(message, { type: 'server_error', code: 'overloaded' }),
  undecided: () => httpErrors.overloaded('Authentication is temporarily unavailable. Try again.'),
  internal: () =>
    new WireError('The server had an error. Its log has the details.', {
      type: 'server_error',
      code: 'internal_error',
    }),
};
