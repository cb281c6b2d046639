/** Mono 16-bit PCM: the only form of audio in ports. */
export interface AudioClip {
  readonly samples: Int16Array;
  readonly sampleRateHz: number;
}
