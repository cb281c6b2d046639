/** What an engine that is far away may do ahead of its first request. */
export interface Warmable {
  /** Makes a connection ready, if none is: called when a session opens and when its user begins to speak. Returns at once and never throws. */
  warm?(): void;
}
