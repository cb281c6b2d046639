import type { WireError } from '../protocol/errors/wire-errors.ts';

export type RefusalStatus = 400 | 401 | 403 | 404 | 408 | 409 | 413 | 415 | 429 | 500 | 503;

/** Why a request is refused, with its HTTP status. What a route throws as it is a bad request. */
export class HttpRefusal extends Error {
  readonly status: RefusalStatus;
  readonly error: WireError;
  /** Whole seconds, for the header of that name. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: RefusalStatus, error: WireError, retryAfterMs?: number) {
    super(error.message);
    this.name = 'HttpRefusal';
    this.status = status;
    this.error = error;
    this.retryAfterSeconds = retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}

/** A refusal after which the client is read no further: its connection is closed with the answer. */
export class LastRefusal extends HttpRefusal {}
