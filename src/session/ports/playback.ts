import type { AudioFormat } from '../../protocol/wire/session-config.ts';

/** A piece of a response's audio for the listeners. */
export interface OutputAudio {
  responseId: string;
  itemId: string;
  outputIndex: number;
  contentIndex: number;
  samples: Int16Array;
  sampleRateHz: number;
  /** The format in events, whose sample rate is `sampleRateHz`. */
  format: AudioFormat;
}

/** The playback position in a part of an item. */
export interface PlayedPart {
  itemId: string;
  contentIndex: number;
  playedMs: number;
}

/**
 * The playback of one listener: modelled for peers whose audio is carried in events, measured for peers that carry
 * audio themselves.
 */
export interface Playback {
  /** When the audio taken so far will have been played, on the Clock; while paused, as if it resumed now. */
  readonly endsAt: number;
  /** The part that is being played; undefined if everything has been played. */
  readonly current: PlayedPart | undefined;
  /** Resolves once it can take audio of this length. Rejects with the signal's reason. */
  admit(durationMs: number, signal: AbortSignal): Promise<void>;
  /** Takes the next audio, in playback order. */
  play(audio: OutputAudio): void;
  /** The played duration of a part, in milliseconds; undefined for a part that is unknown or forgotten. */
  positionMs(itemId: string, contentIndex: number): number | undefined;
  /** Drops audio that has not been played. Returns the position; undefined if everything had been played. */
  interrupt(): PlayedPart | undefined;
  /** Pauses until `resume`; audio is admitted again then. */
  pause(): void;
  resume(): void;
  /** Set by the session while a measured playback is attached; a model calls nothing. */
  listener?: PlaybackListener | undefined;
}

/** Notifications of a measured playback. */
export interface PlaybackListener {
  /** The first audio of a response is being played. */
  started(responseId: string): void;
  /** All audio taken so far has been played; not called after `interrupt`. */
  drained(): void;
}
