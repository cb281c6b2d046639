/** Mono 16-bit PCM: the only form of audio in ports. */
export interface AudioClip {
  readonly samples: Int16Array;
  readonly sampleRateHz: number;
  /** The turn whose beginning it is, if that is transcribed repeatedly while it grows: the same object each time. */
  readonly turn?: object;
}
