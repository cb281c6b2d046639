/** The extension `ledger` (docs/protocol.md, R3.85). */

/** Milliseconds from the end of speech; without a turn by voice activity, from the decision or the creation. */
export type LedgerStages = Partial<
  Record<'decided' | 'transcript' | 'first_token' | 'first_audio' | 'audible', number>
>;

/**
 * What the first audible sample waited for, in milliseconds: they add up to `audible`. Work in the pause of the turn takes
 * no time.
 */
export type LedgerParts = Record<'policy' | 'transcriber' | 'language_model' | 'voice' | 'parley', number>;

/** Follows `response.done` of each response. */
export interface LedgerEvent {
  readonly type: 'parley.ledger';
  readonly event_id: string;
  readonly response_id: string;
  /** The item of the turn that it answers. */
  readonly item_id: string | null;
  readonly at_ms: LedgerStages;
  /** Null without audio. */
  readonly parts_ms: LedgerParts | null;
}
