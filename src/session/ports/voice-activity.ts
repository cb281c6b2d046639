/** Tells speech from other sound, frame by frame. One detector serves every session. */
export interface VoiceActivityDetector {
  open(options: { sampleRateHz: number }): VoiceActivityStream;
}

export interface VoiceActivityStream {
  /** Milliseconds of audio that one probability stands for. */
  readonly frameMs: number;
  /**
   * Takes the next samples at the stream's rate, any number of them, and resolves with the speech
   * probability (0…1) of each frame that they complete. Frames are counted from the stream's first
   * sample, so the way in which audio is cut into calls does not change the result. Calls may overlap;
   * they resolve in order.
   */
  push(samples: Int16Array): Promise<Float32Array>;
  close(): void;
}
