export type OutgoingErrorCode =
  /** Not an address that can be fetched: another scheme, a user name, or not a URL. */
  | 'bad_url'
  /** The host has no address, or one that is not allowed. */
  | 'not_allowed'
  | 'unreachable'
  | 'bad_redirect'
  | 'bad_status'
  /** The body is compressed, although that was not requested. */
  | 'encoded'
  | 'too_large'
  | 'timeout'
  /** The body has an unexpected type. */
  | 'wrong_content'
  /** Too many requests at once. */
  | 'busy';

/**
 * An outgoing request failed. The message is the reason, as a phrase that follows a colon, for the client that named
 * the address: it reveals nothing about this server's network. The detail is for the operator's log.
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
