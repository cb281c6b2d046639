/** The part of the catalogue (`errors.ts`) about audio without a conversation: transcriptions, speech, and lists of models. */

import { WireError } from './wire-errors.ts';

export const audioErrors = {
  notAForm: () =>
    new WireError("The body has to be a form: send 'Content-Type: multipart/form-data' with a file.", {
      code: 'unsupported_content_type',
    }),
  brokenForm: () => new WireError('Bad request: the form cannot be read.', { code: 'bad_request' }),
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
  /** `message` is the stage's own. */
  engineFailed: (message: string) => new WireError(message, { type: 'server_error', code: 'engine_failed' }),
};
