import type { WireError } from '../protocol/errors/wire-errors.ts';

export type RefusalStatus = 400 | 401 | 403 | 404 | 408 | 409 | 413 | 415 | 429 | 500 | 503;

/** A refusal with its HTTP status. A plain `WireError` thrown by a route becomes status 400. */
export class HttpRefusal extends Error {
  readonly status: RefusalStatus;
  readonly error: WireError;
  /** Whole seconds, for the `Retry-After` header. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: RefusalStatus, error: WireError, retryAfterMs?: number) {
    super(error.message);
    this.name = 'HttpRefusal';
    this.status = status;
    this.error = error;
    this.retryAfterSeconds = retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(retryAfterMs / 1000));
  }
}

/** A refusal that also closes the connection, because the rest of the request is not read. */
export class LastRefusal extends HttpRefusal {}
