/** What a fuzz run is after. */

export type FindingKind =
  /** The server's process ended. */
  | 'death'
  /** Its log tells of an error of the code's own. */
  | 'fault'
  /** HTTP 500, or an `internal_error`. */
  | 'internal-error'
  /** It sent what the official types, the protocol or HTTP do not allow. */
  | 'invalid-output'
  /** It ended a session that the hosted service would keep. */
  | 'session-ended'
  /** It does not answer. */
  | 'no-answer'
  /** It let something pass that it must refuse. */
  | 'not-refused'
  /** It spends on an input what is out of proportion to it (`thresholds`). */
  | 'costly';

export interface Finding {
  kind: FindingKind;
  /** Says what happened; findings with the same words are one. */
  what: string;
}

/** Ids, numbers and times differ from one meeting with the same defect to the next. */
export function signature({ kind, what }: Finding): string {
  const words = what
    .replaceAll(/\b(sess|event|item|resp|call|conv|peer|msg|part)_\w+/g, '$1_')
    .replaceAll(/\d+/g, '#')
    .slice(0, 300);
  return `${kind}: ${words}`;
}
