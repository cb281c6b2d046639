/** How the speech before a pause ends, compared with the whole turn. */
export interface FinalProsody {
  /** The final pitch relative to the mean, in semitones; absent without enough pitched frames. */
  pitchSemitones?: number;
  /** The final level relative to the mean, in decibels. */
  energyDb: number;
}

/** What is known about a pause in a turn; absent parts are unknown. */
export interface PauseEvidence {
  /** The words up to the pause, and the transcriber's probability that a sentence ends there, 0…1. */
  words?: { text: string; endOfSentence?: number | undefined } | undefined;
  /** The probability of a turn model that the turn is over, 0…1. */
  turnModel?: number | undefined;
  prosody?: FinalProsody | undefined;
}

/**
 * Decides when a turn has ended, from the silence after its last voiced frame, in milliseconds of written audio. It has
 * no state and no clock: the same pause has the same result.
 */
export interface TurnPolicy {
  /** The silence after which the decision needs evidence; absent: it needs none. */
  readonly asksAfterMs?: number;
  /** The silence that ends the turn, at least `asksAfterMs`. */
  silenceMs(evidence: PauseEvidence): number;
}
