/** What whoever uses a key may have; absent is unlimited. */
export interface KeyLimits {
  /** Sessions at once. */
  readonly sessions?: number;
  readonly sessionsPerMinute?: number;
  /** Tokens in and out, of the language model, of transcription and of /v1/audio. */
  readonly tokensPerMinute?: number;
}

/** Whose a session is. */
export interface Owner {
  /** Absent where the server has no keys. */
  readonly keyName?: string;
  readonly project: string;
  readonly limits?: KeyLimits;
}
