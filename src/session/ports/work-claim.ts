/**
 * The classes of work, in order of precedence. `live`: a conversation waits for it. `partial`: the words of a turn that
 * has not ended. `upload`: a request without a conversation. `speculation`: it may be dropped.
 */
export const priorities = ['live', 'partial', 'upload', 'speculation'] as const;
export type Priority = (typeof priorities)[number];

/** 0 is the most urgent. */
export function rankOf(priority: Priority): number {
  return priorities.indexOf(priority);
}

/** Whether speculative work was adopted. Dropped work is aborted by its signal. */
export interface Adoption {
  readonly adopted: boolean;
  /** Calls `act` when the work is adopted, immediately if it has been; never if it is dropped. */
  whenAdopted(act: () => void): void;
}

/** The owner of an engine's work: shared threads alternate between keys and between sessions of a key. */
export interface WorkClaim {
  /** The name of the API key; empty on a server without keys. */
  readonly key: string;
  /** The id of the session, or of the request. */
  readonly session: string;
  readonly priority: Priority;
  /**
   * For speculative work, shared by all work of a generation: an engine has no side effects (records, counts, external
   * effects) until it is adopted. Absent: the work is not speculative.
   */
  readonly adoption?: Adoption;
  /**
   * Called with true when the work starts to wait for a thread, with false when it stops (a wait is not a stall), and
   * with false when another part of it begins: each part has the full time.
   */
  readonly onWait?: (waiting: boolean) => void;
}

/** Calls `act` immediately, or for speculative work once it is adopted. */
export function whenAdopted(claim: WorkClaim | undefined, act: () => void): void {
  if (claim?.adoption) claim.adoption.whenAdopted(act);
  else act();
}
