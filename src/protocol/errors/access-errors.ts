/** The part of the catalogue (`errors.ts`) about access: keys, client secrets, projects, and limits of keys. */

import { redactKey } from './texts.ts';
import { WireError } from './wire-errors.ts';

const closing = { authentication: 3000, request: 4000, tryAgainLater: 1013 } as const;

const names = { ga: 'GA', beta: 'beta' } as const;

export const accessErrors = {
  missingKey: () =>
    new WireError('Missing bearer or basic authentication in header', {
      code: null,
      closeCode: closing.authentication,
    }),
  wrongKey: (key: string) =>
    new WireError(
      `Incorrect API key provided: ${redactKey(key)}. Use one of the keys that this server was started with.`,
      { code: 'invalid_api_key', closeCode: closing.authentication },
    ),
  /** The same message for an unknown and an expired secret, so that a guess reveals nothing. */
  wrongSecret: () =>
    new WireError(
      'This client secret is unknown or has expired. Create another with POST /v1/realtime/client_secrets.',
      {
        code: 'invalid_api_key',
        closeCode: closing.authentication,
      },
    ),
  mismatchedProject: () =>
    new WireError('OpenAI-Project header should match project for API key', {
      code: 'mismatched_project',
      closeCode: closing.authentication,
    }),
  dialectMismatch: (session: 'ga' | 'beta', secret: 'ga' | 'beta') =>
    new WireError(
      `API version mismatch. You cannot start a Realtime ${names[session]} session with a ${names[secret]} client secret.`,
      { code: 'api_version_mismatch', closeCode: closing.authentication },
    ),
  secretSpent: (sessions: number) =>
    new WireError(`This client secret has opened its maximum of ${sessions} session(s). Create another.`, {
      code: 'client_secret_spent',
      closeCode: closing.authentication,
    }),
  secretOfRealtime: () =>
    new WireError(
      "This client secret is for a realtime session. Connect without 'intent=transcription', or create a secret for a transcription session.",
      { code: 'invalid_parameter', param: 'intent', closeCode: closing.request },
    ),
  /** `message` names the limit of the key and says when to retry. */
  keyLimit: (message: string) =>
    new WireError(`Rate limit reached: ${message}`, {
      code: 'rate_limit_exceeded',
      closeCode: closing.tryAgainLater,
    }),

  secretOnlyOpens: () =>
    new WireError('A client secret can only open sessions. Use an API key of this server.', {
      code: 'invalid_api_key',
      closeCode: closing.authentication,
    }),

  // ---- Over HTTP only ----
  unknownSession: (id: string) =>
    new WireError(`There is no session with id '${id}' on this server.`, { code: 'not_found' }),
  unknownLock: (param: string, path: string, sessionType: string) =>
    new WireError(`Invalid '${param}': a ${sessionType} session has no field '${path}' that clients can change.`, {
      code: 'invalid_value',
      param,
    }),
  secretsNotStored: () =>
    new WireError('The store of client secrets is temporarily unavailable. Try again.', {
      type: 'server_error',
      code: 'overloaded',
    }),
  operatorsOnly: () =>
    new WireError("This endpoint is for operators. Use a key whose entry in 'api-keys' has 'operator: true'.", {
      code: 'insufficient_permissions',
    }),
};
