import type { TurnDetection } from '../../protocol/wire/session-config.ts';

/** Where on the timeline of written audio a turn begins or ends, in milliseconds. */
export type TurnMark =
  | {
      type: 'speech_started';
      /** The first voiced frame's start, less the prefix padding. */
      audioStartMs: number;
    }
  | {
      type: 'speech_stopped';
      /** The decision: the last voiced frame's end, plus the silence that was waited for. */
      audioEndMs: number;
      /** From the first voiced frame's start to the last one's end: what is worth transcribing. */
      voicedFromMs: number;
      voicedToMs: number;
    };

export interface TurnDetectorSettings {
  /** A frame at or above it is voiced, 0…1. */
  threshold: number;
  prefixPaddingMs: number;
  silenceDurationMs: number;
}

/** So many voiced frames in a row begin a turn: a click or a plosive alone is shorter. */
const framesToStart = 3;
/** Once a turn has begun, a frame counts as voiced down to this far below the threshold. */
const hysteresis = 0.15;

/** How long `semantic_vad` waits in silence, by eagerness, while it decides by silence alone. */
const eagernessSilenceMs = { high: 400, auto: 800, medium: 800, low: 1600 } as const;

/** The detector's settings for a session's `turn_detection`. */
export function detectorSettings(detection: TurnDetection): TurnDetectorSettings {
  if (detection.type === 'semantic_vad') {
    return { threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: eagernessSilenceMs[detection.eagerness] };
  }
  return {
    threshold: detection.threshold,
    prefixPaddingMs: detection.prefix_padding_ms,
    silenceDurationMs: detection.silence_duration_ms,
  };
}

/**
 * Decides from voice activity where turns begin and end. It counts frames, never the clock: the same audio
 * gives the same marks however it was sent.
 */
export class TurnDetector {
  #settings: TurnDetectorSettings;
  readonly #frameMs: number;
  #positionMs: number;
  #voicedInRow = 0;
  #speech: { fromMs: number; toMs: number } | undefined;

  constructor(settings: TurnDetectorSettings, options: { frameMs: number; startMs: number }) {
    this.#settings = settings;
    this.#frameMs = options.frameMs;
    this.#positionMs = options.startMs;
  }

  /** The end of the last frame, on the timeline of written audio. */
  get positionMs(): number {
    return this.#positionMs;
  }

  get speaking(): boolean {
    return this.#speech !== undefined;
  }

  /** Takes new settings; a turn that has begun goes on under them. */
  configure(settings: TurnDetectorSettings): void {
    this.#settings = settings;
  }

  /** Forgets a turn that has begun: its audio was committed or cleared by other means. */
  reset(): void {
    this.#speech = undefined;
    this.#voicedInRow = 0;
  }

  /** Takes the next frame's probability of speech. */
  push(probability: number): TurnMark | undefined {
    const frameStartMs = this.#positionMs;
    this.#positionMs += this.#frameMs;
    return this.#speech ? this.#continue(probability, this.#speech) : this.#listen(probability, frameStartMs);
  }

  /** Ends a turn that has begun, where the audio stands; undefined when none has. */
  finish(): TurnMark | undefined {
    const speech = this.#speech;
    if (!speech) return undefined;
    this.reset();
    return {
      type: 'speech_stopped',
      audioEndMs: this.#positionMs,
      voicedFromMs: speech.fromMs,
      voicedToMs: this.#positionMs,
    };
  }

  #listen(probability: number, frameStartMs: number): TurnMark | undefined {
    if (probability < this.#settings.threshold) {
      this.#voicedInRow = 0;
      return undefined;
    }
    this.#voicedInRow += 1;
    if (this.#voicedInRow < framesToStart) return undefined;
    const fromMs = frameStartMs - (framesToStart - 1) * this.#frameMs;
    this.#voicedInRow = 0;
    this.#speech = { fromMs, toMs: this.#positionMs };
    return { type: 'speech_started', audioStartMs: Math.max(0, fromMs - this.#settings.prefixPaddingMs) };
  }

  #continue(probability: number, speech: { fromMs: number; toMs: number }): TurnMark | undefined {
    const { threshold, silenceDurationMs } = this.#settings;
    if (probability >= Math.max(threshold - hysteresis, Math.min(threshold, 0.01))) {
      speech.toMs = this.#positionMs;
      return undefined;
    }
    if (this.#positionMs - speech.toMs < silenceDurationMs) return undefined;
    this.reset();
    return {
      type: 'speech_stopped',
      audioEndMs: speech.toMs + silenceDurationMs,
      voicedFromMs: speech.fromMs,
      voicedToMs: speech.toMs,
    };
  }
}
