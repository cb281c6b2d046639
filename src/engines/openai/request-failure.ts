/** The failures of a request to a server, and whether a retry may help. */

export interface FailureOptions extends ErrorOptions {
  /** HTTP status, if there was a response. */
  status?: number;
  /** `later`: the same request may succeed a moment later. */
  again?: 'no' | 'later';
  /** The pause that the server asks for, in milliseconds. */
  retryAfterMs?: number;
  /** More of the server's error text than the message contains, for detecting what it refuses. */
  detail?: string;
}

/** The message describes the response and the remedy. The endpoint adds the server's name. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly status: number | undefined;
  readonly again: 'no' | 'later';
  readonly retryAfterMs: number | undefined;
  readonly detail: string;

  constructor(message: string, { status, again = 'no', retryAfterMs, detail, ...rest }: FailureOptions = {}) {
    super(message, rest);
    this.status = status;
    this.again = again;
    this.retryAfterMs = retryAfterMs;
    this.detail = detail ?? message;
  }
}

const excerptCharacters = 200;

/** An excerpt of a server's text for a message: a short single line without control characters. */
export function excerpt(text: string): string {
  const line = text
    .slice(0, 4 * excerptCharacters)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim();
  return line.length > excerptCharacters ? `${line.slice(0, excerptCharacters)}…` : line;
}
