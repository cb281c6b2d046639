/** The reason why an HTTP request has no response, or an incomplete one. */

/** Error codes of the system for a failure to connect, with the remedy. */
const systemErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there. Start the server, or correct the address',
  ENOTFOUND: 'its host name is not known. Correct the address',
  EAI_AGAIN: 'its host name cannot be looked up now. Check the network',
  EHOSTUNREACH: 'its host cannot be reached. Check the address and the network',
  ENETUNREACH: 'its network cannot be reached. Check the address and the network',
  ETIMEDOUT: 'its host does not answer. Check the address and the network',
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
  const code = codeOf(error);
  const cause = error;
  const known = systemErrors[code];
  if (known !== undefined) return new HttpFailure(`${known} (${code})`, { retryable: transient.has(code), cause });
  if (error.name === 'HTTPParserError') {
    const detail = code || error.message;
    return new HttpFailure(`it does not speak HTTP (${detail}). Check http or https, and the port`, { cause });
  }
  if (closed.has(code)) {
    const words = 'it ended the connection without an answer';
    return new HttpFailure(words, { retryable: true, unanswered: !begun, cause });
  }
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/.test(code)) {
    return new HttpFailure(`TLS failed: ${error.message} (${code}). Check http or https, and the certificate`, {
      cause,
    });
  }
  return new HttpFailure(`the request failed: ${error.message}`, { retryable: true, cause });
}

/** A failure within the response's body, after `bytes` of it. */
export function bodyFailure(error: Error, bytes: number): HttpFailure {
  if (error instanceof HttpFailure) return error;
  const detail = codeOf(error) || error.message;
  const words =
    error.name === 'HTTPParserError'
      ? `its answer broke off in something that is not HTTP (${detail})`
      : `the connection broke in the middle of its answer, after ${bytes} bytes (${detail})`;
  return new HttpFailure(words, { retryable: true, cause: error });
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
