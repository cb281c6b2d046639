/** The part of the catalogue (`errors.ts`) for failed responses. */

import { shorten } from './texts.ts';
import { maxMessageCharacters } from './wire-errors.ts';

/**
 * Why a response failed, for its `response.done`. Failures of engines have their own class (`StageError` of the
 * session).
 */
export class ResponseFailure extends Error {
  readonly type: string;
  readonly code: string;

  constructor(message: string, details: { type?: string; code: string }) {
    super(shorten(message, maxMessageCharacters));
    this.name = 'ResponseFailure';
    this.type = details.type ?? 'invalid_request_error';
    this.code = details.code;
  }
}

export const responseFailures = {
  contextTooLong: (tokens: number, limit: number) =>
    new ResponseFailure(
      `The input of this response has ${tokens} tokens, which exceeds the model's context of ${limit}. Shorten the instructions, the tools or the last items, delete items, or enable 'truncation'.`,
      { code: 'context_length_exceeded' },
    ),
  contextTooLarge: (limitCharacters: number) =>
    new ResponseFailure(
      `The context of this response has more than ${limitCharacters} characters of text, images and audio (as base64), with repeated items counted each time. Delete items, or pass fewer in its input.`,
      { code: 'context_too_large' },
    ),
  imageUnavailable: (url: string, why: string) =>
    new ResponseFailure(`The image at '${shorten(url, 120)}' could not be fetched: ${why}`, {
      code: 'invalid_image_url',
    }),
  tooManyImages: (limit: number) =>
    new ResponseFailure(
      `The input of this response has more than ${limit} images with a URL. Delete some, or leave them out of its input.`,
      { code: 'invalid_image_url' },
    ),
  imagesTooLarge: (limitCharacters: number) =>
    new ResponseFailure(
      `The images with a URL in the input of this response have more than ${limitCharacters} characters in total, as base64. Use smaller ones, or delete some.`,
      { code: 'invalid_image_url' },
    ),
  /** The type of the hosted service when the token limit is reached is `tokens`. */
  upstreamLost: (name: string) =>
    new ResponseFailure(`The connection to the upstream '${name}' was lost during the response.`, {
      type: 'server_error',
      code: 'upstream_disconnected',
    }),
  rateLimited: (why: string) => new ResponseFailure(why, { type: 'tokens', code: 'rate_limit_exceeded' }),
};
