/** `live`: a conversation waits for it. `upload`: a request without a conversation. `speculation`: it may be dropped. */
export type Priority = 'live' | 'upload' | 'speculation';

/** Who an engine works for: those that share threads take turns between keys and between sessions of a key. */
export interface WorkClaim {
  /** The name of the API key; empty on a server without keys. */
  readonly key: string;
  /** The id of the session, or of the request. */
  readonly session: string;
  readonly priority: Priority;
  /** Called with true when the work begins to wait for a thread, with false when it no longer does: a wait is no stall. */
  readonly onWait?: (waiting: boolean) => void;
}
