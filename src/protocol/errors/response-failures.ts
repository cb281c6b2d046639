/** The part of the catalogue of errors that is told in `response.done`. */

import { shorten } from './texts.ts';
import { maxMessageCharacters } from './wire-errors.ts';

/**
 * Why a response failed, as its `response.done` tells it. Failures of engines are told by themselves (`StageError` of the
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
      `The input of this response has ${tokens} tokens, which exceeds the ${limit} that the model's context holds. Shorten the instructions, the tools or the last items, delete items, or let older ones be left out by 'truncation'.`,
      { code: 'context_length_exceeded' },
    ),
  contextTooLarge: (limitCharacters: number) =>
    new ResponseFailure(
      `The context of this response has more than ${limitCharacters} characters of text, images and audio (as base64), repeated items counting each time. Delete items, or pass fewer in its input.`,
      { code: 'context_too_large' },
    ),
  imageUnavailable: (url: string, why: string) =>
    new ResponseFailure(`The image at '${shorten(url, 120)}' could not be had: ${why}`, {
      code: 'invalid_image_url',
    }),
  tooManyImages: (limit: number) =>
    new ResponseFailure(
      `The input of this response names more than ${limit} images by an address. Delete some, or leave them out of its input.`,
      { code: 'invalid_image_url' },
    ),
  imagesTooLarge: (limitCharacters: number) =>
    new ResponseFailure(
      `The images that this response's input names by an address have more than ${limitCharacters} characters together, as base64. Use smaller ones, or delete some.`,
      { code: 'invalid_image_url' },
    ),
  /** The type is that of the hosted service's refusals of one who has used up their tokens. */
  upstreamLost: (name: string) =>
    new ResponseFailure(`The connection to the upstream '${name}' was lost while it made the response.`, {
      type: 'server_error',
      code: 'upstream_disconnected',
    }),
  rateLimited: (why: string) => new ResponseFailure(why, { type: 'tokens', code: 'rate_limit_exceeded' }),
};
