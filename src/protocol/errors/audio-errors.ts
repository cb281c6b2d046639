/** The part of the catalogue (`errors.ts`) about audio without a conversation: transcriptions, speech, and lists of models. */

import { WireError } from './wire-errors.ts';

export const audioErrors = {
  notAForm: () =>
    new WireError("The body has to be a form: send 'Content-Type: multipart/form-data' with a file.", {
      code: 'unsupported_content_type',
    }),
  brokenForm: () => new WireError('Bad request: the form cannot be read.', { code: 'bad_request' }),
  tooManyParts: (most: number) =>
    new WireError(`The form has too many parts: send one file, and at most ${most} parts in all.`, {
      code: 'too_many_parts',
    }),
  fieldTooLong: (name: string, maxBytes: number) =>
    new WireError(`The field '${name.slice(0, 64)}' of the form is larger than ${maxBytes} bytes.`, {
      code: 'string_above_max_length',
      param: name.slice(0, 64),
    }),
  audioTooLong: (maxMs: number) =>
    new WireError(`The file lasts longer than ${maxMs / 1000} s. Send it in parts.`, {
      code: 'audio_too_long',
      param: 'file',
    }),
  /** `why` says what was found, without a full stop. */
  unreadableFile: (why: string) =>
    new WireError(`The file cannot be read. ${why}. Send a WAV file.`, { code: 'invalid_value', param: 'file' }),
  unknownModel: (id: string) =>
    new WireError(`The model '${id}' does not exist`, { code: 'model_not_found', param: 'model' }),
  tooManyRequests: (most: number) =>
    new WireError(
      `This server has ${most} requests for audio to answer already, which is as many as it takes (limits.audio-requests). Try again in a moment.`,
      { type: 'server_error', code: 'overloaded' },
    ),
  tooManyOfKey: (most: number) =>
    new WireError(
      `This key has its share of the ${most} requests for audio that this server answers at once (limits.audio-requests). Try again when one of them is answered.`,
      { code: 'rate_limit_exceeded' },
    ),
  /** `message` is the stage's own. */
  engineFailed: (message: string) => new WireError(message, { type: 'server_error', code: 'engine_failed' }),
};
