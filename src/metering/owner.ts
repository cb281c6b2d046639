/** Limits of a key; absent means unlimited. */
export interface KeyLimits {
  /** Concurrent sessions. */
  readonly sessions?: number;
  readonly sessionsPerMinute?: number;
  /** Tokens of responses, transcriptions and `/v1/audio`. */
  readonly tokensPerMinute?: number;
}

/** The owner of a session. */
export interface Owner {
  /** Absent on a server without keys. */
  readonly keyName?: string;
  readonly project: string;
  readonly limits?: KeyLimits;
}
