/** The part of the catalogue (`errors.ts`) about who may do what: keys, client secrets, projects, and limits of keys. */

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
  /** The same for one that never was and for one that is over: a guess learns nothing. */
  wrongSecret: () =>
    new WireError('This client secret is unknown or has expired. Mint another with POST /v1/realtime/client_secrets.', {
      code: 'invalid_api_key',
      closeCode: closing.authentication,
    }),
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
    new WireError(`This client secret has opened as many sessions as it may: ${sessions}. Mint another.`, {
      code: 'client_secret_spent',
      closeCode: closing.authentication,
    }),
  secretOfRealtime: () =>
    new WireError(
      "This client secret is for a realtime session. Connect without 'intent=transcription', or mint one for a transcription session.",
      { code: 'invalid_parameter', param: 'intent', closeCode: closing.request },
    ),
  /** `message` says which limit of the key was met, and when to come back. */
  keyLimit: (message: string) =>
    new WireError(`Rate limit reached: ${message}`, {
      code: 'rate_limit_exceeded',
      closeCode: closing.tryAgainLater,
    }),

  unknownSession: (id: string) =>
    new WireError(`No session with id '${id}' lives here.`, { code: 'not_found', closeCode: closing.request }),

  // ---- Over HTTP alone ----
  unknownLock: (param: string, path: string, sessionType: string) =>
    new WireError(`Invalid '${param}': a ${sessionType} session has no field '${path}' that clients could change.`, {
      code: 'invalid_value',
      param,
    }),
  secretsNotStored: () =>
    new WireError('Client secrets cannot be stored at the moment. Try again.', {
      type: 'server_error',
      code: 'overloaded',
    }),
  secretOverHttp: () =>
    new WireError('A client secret opens sessions and nothing else. Use one of the API keys of this server here.', {
      code: 'invalid_api_key',
    }),
  operatorsOnly: () =>
    new WireError("This is for operators: use a key whose entry in 'api-keys' has 'operator: true'.", {
      code: 'insufficient_permissions',
    }),
};
