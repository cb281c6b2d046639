/** Preparation of a remote engine before its first request. */
export interface Warmable {
  /**
   * Opens a connection if none is available, and has a model loaded that may not be in memory: called when a session
   * opens, when its user starts to speak, and, of a voice, at the first word of an answer. Returns immediately and never
   * throws.
   */
  warm?(): void;
  /**
   * Its server may be outside this machine and its private networks, so that requests may have a price: nothing is
   * requested before it is certain to be needed.
   */
  readonly isPublic?: boolean;
}
