/** Preparation of a remote engine before its first request. */
export interface Warmable {
  /**
   * Opens a connection if none is available: called when a session opens and when its user starts to speak. Returns
   * immediately and never throws.
   */
  warm?(): void;
}
