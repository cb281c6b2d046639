/** Detects speech, frame by frame. One detector serves every session. */
export interface VoiceActivityDetector {
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

export interface VoiceActivityStream {
  /** Milliseconds of audio per frame. */
  readonly frameMs: number;
  /**
   * Takes the next samples at the stream's rate, any number of them, and resolves with the frames that they complete.
   * Frames are counted from the stream's first sample, so the result does not depend on how the audio is split into
   * calls. Calls may overlap; they resolve in order.
   */
  push(samples: Int16Array): Promise<readonly VoiceFrame[]>;
  close(): void;
}
