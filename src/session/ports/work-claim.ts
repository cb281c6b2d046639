/** `live`: a conversation waits for it. `upload`: a request without a conversation. `speculation`: it may be dropped. */
export type Priority = 'live' | 'upload' | 'speculation';

/** Whether speculative work is wanted after all. Work that is dropped instead is aborted by its signal. */
export interface Adoption {
  readonly adopted: boolean;
  /** Calls `act` once the work is adopted, at once if it has been, and never if it is dropped. */
  whenAdopted(act: () => void): void;
}

/** Who an engine works for: those that share threads take turns between keys and between sessions of a key. */
export interface WorkClaim {
  /** The name of the API key; empty on a server without keys. */
  readonly key: string;
  /** The id of the session, or of the request. */
  readonly session: string;
  readonly priority: Priority;
  /**
   * Of speculative work, all of a generation's with the same one: an engine leaves no trace of it (a record, a count, an
   * effect outside) until it is adopted. Absent: the work is wanted.
   */
  readonly adoption?: Adoption;
  /**
   * Called with true when the work begins to wait for a thread, with false when it no longer does (a wait is no stall), and
   * with false when another part of it begins: each has the time of a whole.
   */
  readonly onWait?: (waiting: boolean) => void;
}

/** Calls `act` when the work is wanted: at once, or once it is adopted. */
export function whenAdopted(claim: WorkClaim | undefined, act: () => void): void {
  if (claim?.adoption) claim.adoption.whenAdopted(act);
  else act();
}
