/** Mono 16-bit PCM: the one form in which audio crosses a port. */
export interface AudioClip {
  readonly samples: Int16Array;
  readonly sampleRateHz: number;
}
