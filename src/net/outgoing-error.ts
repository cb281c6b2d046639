export type OutgoingErrorCode =
  /** The address is none that can be fetched: another scheme, a user name, not a URL. */
  | 'bad_url'
  /** The host has no address, or one that may not be connected to. */
  | 'not_allowed'
  | 'unreachable'
  | 'bad_redirect'
  | 'bad_status'
  /** The body is compressed, which was not asked for. */
  | 'encoded'
  | 'too_large'
  | 'timeout'
  /** What came is not what was expected there. */
  | 'wrong_content'
  /** Too much is being fetched. */
  | 'busy';

/**
 * A request to elsewhere failed. The message says why, as words that follow a colon, to whoever named the address: it tells
 * nothing of this server's network. The detail is for the operator's log.
 */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  readonly code: OutgoingErrorCode;
  readonly detail: string | undefined;

  constructor(code: OutgoingErrorCode, message: string, detail?: string) {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}
