/** The reason why an HTTP request has no response, or an incomplete one. */

import { connectionProblem } from '../core/connection-problem.ts';

/** How to fix a failure to connect, by its error code. */
const remedies: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Start the server, or correct the address',
  ENOTFOUND: 'Correct the address',
  EAI_AGAIN: 'Check the network',
  EHOSTUNREACH: 'Check the address and the network',
  ENETUNREACH: 'Check the address and the network',
  ETIMEDOUT: 'Check the address and the network',
};
const transient: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'ETIMEDOUT']);
const closed: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

interface HttpFailureOptions extends ErrorOptions {
  retryable?: boolean;
  timeoutMs?: number;
  unanswered?: boolean;
}

/** The message follows the name of the server: "it closed the connection without an answer". */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  /** Whether a retry may succeed. */
  readonly retryable: boolean;
  /** The exceeded deadline in milliseconds, if that is the reason. */
  readonly timeoutMs: number | undefined;
  /** Whether the connection ended before any byte of a response. */
  readonly unanswered: boolean;

  constructor(message: string, options: HttpFailureOptions = {}) {
    const { retryable = false, timeoutMs, unanswered = false, ...rest } = options;
    super(message, rest);
    this.unanswered = unanswered;
    this.retryable = retryable;
    this.timeoutMs = timeoutMs;
  }
}

/** A failure before the end of the response's head; `begun`: its first bytes have arrived. */
export function requestFailure(error: Error, begun: boolean): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const { code, problem = 'cannot agree on TLS' } = connectionProblem(error);
  const cause = error;
  const remedy = remedies[code];
  if (remedy !== undefined) {
    return new HttpFailure(`it ${problem}. ${remedy} (${code})`, { retryable: transient.has(code), cause });
  }
  if (error.name === 'HTTPParserError') {
    const detail = code || error.message;
    return new HttpFailure(`it does not speak HTTP (${detail}). Check http or https, and the port`, { cause });
  }
  if (closed.has(code)) {
    const words = 'it ended the connection without an answer';
    return new HttpFailure(words, { retryable: true, unanswered: !begun, cause });
  }
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code)) {
    return new HttpFailure(`it ${problem} (${code}). Check http or https, and the certificate`, { cause });
  }
  return new HttpFailure(`the request failed: ${error.message}`, { retryable: true, cause });
}

/** A failure within the response's body, after `bytes` of it. */
export function bodyFailure(error: Error, bytes: number): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const detail = connectionProblem(error).code || error.message;
  const words =
    error.name === 'HTTPParserError'
      ? `its answer broke off in something that is not HTTP (${detail})`
      : `the connection broke in the middle of its answer, after ${bytes} bytes (${detail})`;
  return new HttpFailure(words, { retryable: true, cause: error });
}
