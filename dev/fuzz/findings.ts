/** The kinds of findings of a fuzz run. */

export type FindingKind =
  /** The server's process exited. */
  | 'death'
  /** The log reports an error in the code. */
  | 'fault'
  /** HTTP 500, or an `internal_error`. */
  | 'internal-error'
  /** A frame or response violates the official types, the protocol or HTTP. */
  | 'invalid-output'
  /** The server ended a session that the hosted service would keep. */
  | 'session-ended'
  /** The server does not answer. */
  | 'no-answer'
  /** The server accepted something that it must refuse. */
  | 'not-refused'
  /** The cost is out of proportion to the input (`thresholds`). */
  | 'costly';

export interface Finding {
  kind: FindingKind;
  /** A description; findings with the same one are equal. */
  what: string;
}

/** Ids, numbers and times differ between occurrences of the same defect. */
export function signature({ kind, what }: Finding): string {
  const words = what
    .replaceAll(/\b(sess|event|item|resp|call|conv|peer|msg|part)_\w+/g, '$1_')
    .replaceAll(/\d+/g, '#')
    .slice(0, 300);
  return `${kind}: ${words}`;
}
