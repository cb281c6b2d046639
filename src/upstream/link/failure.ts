/** Why an upstream cannot be used, as phrases that follow "it", and the resulting error for the client. */

import { connectionProblem } from '../../core/connection-problem.ts';
import { type WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { type JsonObject, objectAt, textAt } from './json.ts';

/** A failure of an upstream. */
export class UpstreamFailure extends Error {
  /** Whether a retry cannot succeed. */
  readonly final: boolean;
  /** Set if the client's request caused the failure: the error for the client. */
  readonly clientsFault: WireError | undefined;

  constructor(problem: string, { final = false, clientsFault }: { final?: boolean; clientsFault?: WireError } = {}) {
    super(problem);
    this.name = 'UpstreamFailure';
    this.final = final;
    this.clientsFault = clientsFault;
  }

  /** The error for the client; `name` is the upstream's. */
  wireError(name: string): WireError {
    return this.clientsFault ?? wireErrors.upstreamUnavailable(name, this.message);
  }
}

const refusedKey = 'refused the key that this server has for it';

/** An HTTP response to the upgrade. */
export function httpFailure(status: number, contentType: string): UpstreamFailure {
  if (status === 401 || status === 403) return new UpstreamFailure(`${refusedKey} (HTTP ${status})`, { final: true });
  if (status === 404) {
    return new UpstreamFailure('has no Realtime endpoint at the address that this server has (HTTP 404)', {
      final: true,
    });
  }
  if (status === 429) return new UpstreamFailure('takes no more connections now (HTTP 429)');
  const kind = contentType === '' ? '' : ` and ${contentType.split(';', 1)[0]?.slice(0, 64)}`;
  return new UpstreamFailure(`answered with HTTP ${status}${kind} instead of opening a WebSocket`);
}

/** A failed connection. The message of the error may contain the URL and is not used. */
export function connectionFailure(error: Error): UpstreamFailure {
  const { code, problem } = connectionProblem(error);
  return new UpstreamFailure(problem ?? `could not be connected to${code === '' ? '' : ` (${code})`}`);
}

/** A close frame before the session was created. */
export function closeFailure(code: number): UpstreamFailure {
  return new UpstreamFailure(`closed the connection (${code}) before it opened a session`);
}

/**
 * An `error` event before the session was created. If the client chose the model, `model` is its name, and its refusal
 * is passed on to the client.
 */
export function eventFailure(event: JsonObject, { model }: { model: string | undefined }): UpstreamFailure {
  const error = objectAt(event, 'error');
  const code = textAt(error, 'code') ?? textAt(error, 'type') ?? 'unknown';
  const message = textAt(error, 'message') ?? '';
  if (code === 'invalid_api_key' || message.startsWith('Missing bearer')) {
    return new UpstreamFailure(refusedKey, { final: true });
  }
  if (code === 'invalid_model' || code === 'model_not_found') {
    const clientsFault = model === undefined ? undefined : wireErrors.unknownModel(model);
    return new UpstreamFailure('does not have the model that this server asks it for', { final: true, clientsFault });
  }
  return new UpstreamFailure(`opened no session: ${message.slice(0, 512)} (${code.slice(0, 64)})`);
}

export function timeoutFailure(ms: number): UpstreamFailure {
  return new UpstreamFailure(`did not answer within ${ms / 1000} s`);
}
