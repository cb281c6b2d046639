/** Detects speech, frame by frame. One detector serves every session. */
export interface VoiceActivityDetector {
  open(options: { sampleRateHz: number }): VoiceActivityStream;
}

export interface VoiceActivityStream {
  /** Milliseconds of audio per probability. */
  readonly frameMs: number;
  /**
   * Takes the next samples at the stream's rate, any number of them, and resolves with the speech
   * probability (0…1) of each frame that they complete. Frames are counted from the stream's first
   * sample, so the result does not depend on how the audio is split into calls. Calls may overlap;
   * they resolve in order.
   */
  push(samples: Int16Array): Promise<Float32Array>;
  close(): void;
}
