import type { AudioFormat } from '../../protocol/wire/session-config.ts';

/** A piece of a response's audio on its way to the listeners. */
export interface OutputAudio {
  responseId: string;
  itemId: string;
  outputIndex: number;
  contentIndex: number;
  samples: Int16Array;
  sampleRateHz: number;
  /** In which events carry it; its rate is `sampleRateHz`. */
  format: AudioFormat;
}

/** How far a part of an item has been played. */
export interface PlayedPart {
  itemId: string;
  contentIndex: number;
  playedMs: number;
}

/** What one listener hears: a model for peers whose audio travels in events, a measurement for peers that carry audio themselves. */
export interface Playback {
  /** When the audio that it has will have been played, on the Clock; while paused, as if it went on now. */
  readonly endsAt: number;
  /** Resolves once it can take audio of this length. Rejects with the signal's reason. */
  admit(durationMs: number, signal: AbortSignal): Promise<void>;
  /** Takes the next audio, in the order in which it is played. */
  play(audio: OutputAudio): void;
  /** How much of a part has been played, in milliseconds; undefined where the part is not known, or no longer. */
  positionMs(itemId: string, contentIndex: number): number | undefined;
  /** Drops what has not been played. Returns where it stopped; undefined where everything had been played. */
  interrupt(): PlayedPart | undefined;
  /** Stops playing until `resume`; audio is admitted again from then on. */
  pause(): void;
  resume(): void;
}
