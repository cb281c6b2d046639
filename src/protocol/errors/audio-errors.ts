/** The part of the catalogue (`errors.ts`) about `/v1/audio/*` and `/v1/models`. */

import { WireError } from './wire-errors.ts';

export const audioErrors = {
  notAForm: () =>
    new WireError("The body must be a form. Send 'Content-Type: multipart/form-data' with a file.", {
      code: 'unsupported_content_type',
    }),
  brokenForm: () => new WireError('Bad request: the form cannot be read.', { code: 'bad_request' }),
  tooManyParts: (most: number) =>
    new WireError(`The form has too many parts. Send one file, and at most ${most} parts in total.`, {
      code: 'too_many_parts',
    }),
  fieldTooLong: (name: string, maxBytes: number) =>
    new WireError(`The field '${name.slice(0, 64)}' of the form is larger than ${maxBytes} bytes.`, {
      code: 'string_above_max_length',
      param: name.slice(0, 64),
    }),
  audioTooLong: (maxMs: number) =>
    new WireError(`The audio is longer than ${maxMs / 1000} s. Split it.`, {
      code: 'audio_too_long',
      param: 'file',
    }),
  /** `why` is the reason, without a full stop. */
  unreadableFile: (why: string) =>
    new WireError(`The file cannot be read. ${why}. Send a WAV file.`, { code: 'invalid_value', param: 'file' }),
  nothingToSpeak: () =>
    new WireError('The input has nothing to speak: no words are left of it without code, addresses and emoji.', {
      code: 'invalid_value',
      param: 'input',
    }),
  noAudio: () =>
    new WireError('The voice produced no audio for this input. It may not support its language.', {
      code: 'invalid_value',
      param: 'input',
    }),
  unknownModel: (id: string) =>
    new WireError(`The model '${id}' does not exist`, { code: 'model_not_found', param: 'model' }),
  tooManyRequests: (most: number) =>
    new WireError(
      `The server is processing ${most} audio requests, its maximum (limits.audio-requests). Try again later.`,
      { type: 'server_error', code: 'overloaded' },
    ),
  tooManyOfKey: (most: number) =>
    new WireError(
      `This key is using its share of the ${most} concurrent audio requests (limits.audio-requests). Try again when one of its requests has finished.`,
      { code: 'rate_limit_exceeded' },
    ),
  /** `message` is that of the stage. */
  engineFailed: (message: string) => new WireError(message, { type: 'server_error', code: 'engine_failed' }),
};
