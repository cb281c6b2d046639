/** Detects speech, frame by frame. One detector serves every session. */
export interface VoiceActivityDetector {
  /** Whether its streams have `reduceNoise`. */
  readonly reducesNoise?: boolean;
  open(options: { sampleRateHz: number }): VoiceActivityStream;
}

export interface VoiceFrame {
  /** The probability of speech, 0…1. */
  readonly probability: number;
  /** The root mean square level in dBFS, at least `quietestDb`. */
  readonly energyDb: number;
  /** The fundamental frequency in hertz; 0 when the frame has none, or is unlikely to be speech. */
  readonly pitchHz: number;
}

/** The level of digital silence: just below that of the smallest sample. */
export const quietestDb = -100;

export interface NoiseReduction {
  /** The share of the noise to remove, 0…1. */
  strength: number;
  /** Takes the reduced samples, in order and as many as were pushed, always before the frames made of them. */
  write(samples: Int16Array): void;
}

export interface VoiceActivityStream {
  /** Milliseconds of audio per frame. */
  readonly frameMs: number;
  /**
   * Takes the next samples at the stream's rate, any number of them, and resolves with the frames that they complete;
   * undefined if they complete none. Frames are counted from the stream's first sample, so the result does not depend
   * on how the audio is split into calls. Calls may overlap; they resolve in order. The samples may change afterwards.
   */
  push(samples: Int16Array): Promise<readonly VoiceFrame[]> | undefined;
  /**
   * Reduces the noise in the samples pushed from now on; their frames are later by a constant delay. Absent: not
   * supported, see `reducesNoise`.
   */
  reduceNoise?(options: NoiseReduction): void;
  close(): void;
}
