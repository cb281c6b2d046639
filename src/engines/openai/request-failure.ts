/** How a request to a server can fail, and whether asking again may help. */

export interface FailureOptions extends ErrorOptions {
  /** HTTP status, where there was an answer. */
  status?: number;
  /** `later`: the same request may succeed a moment later. */
  again?: 'no' | 'later';
  /** How long the server wants to be left alone, in milliseconds. */
  retryAfterMs?: number;
  /** More of the server's words than the message has, to find out what it refuses. */
  detail?: string;
}

/** The message says what came, and what to do. The endpoint adds which server it was. */
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

/** What a server wrote, fit for one line of a message: short, and without control characters. */
export function excerpt(text: string): string {
  const line = text
    .slice(0, 4 * excerptCharacters)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim();
  return line.length > excerptCharacters ? `${line.slice(0, excerptCharacters)}…` : line;
}
