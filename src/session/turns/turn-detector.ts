import type { TurnDetection } from '../../protocol/wire/session-config.ts';

/** The start or the end of a turn on the timeline of written audio, in milliseconds. */
export type TurnMark =
  | {
      type: 'speech_started';
      /** The start of the first voiced frame, minus the prefix padding. */
      audioStartMs: number;
    }
  | {
      type: 'speech_stopped';
      /** The position of the decision: the end of the last voiced frame, plus the silence that was waited for. */
      audioEndMs: number;
      /** From the start of the first voiced frame to the end of the last: the part to transcribe. */
      voicedFromMs: number;
      voicedToMs: number;
    };

export interface TurnDetectorSettings {
  /** A frame with at least this probability is voiced, 0…1. */
  threshold: number;
  prefixPaddingMs: number;
  silenceDurationMs: number;
}

/** Consecutive voiced frames that start a turn: a click or a plosive alone is shorter. */
const framesToStart = 3;
/** During a turn, the threshold is lower by this amount. */
const hysteresis = 0.15;

/** The silence that ends a turn with `semantic_vad`, by eagerness, as long as it decides by silence alone. */
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
 * Detects the start and the end of turns from voice activity. It counts frames and does not use the clock, so the same
 * audio has the same result regardless of how it was sent.
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

  /** From the start of the current turn's first voiced frame to the end of its last. */
  get voiced(): { fromMs: number; toMs: number } | undefined {
    return this.#speech;
  }

  /** Changes the settings; a turn that has started continues with them. */
  configure(settings: TurnDetectorSettings): void {
    this.#settings = settings;
  }

  /** Drops the current turn, because its audio was committed or cleared otherwise. */
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

  /** Ends the current turn at the current position; undefined if there is none. */
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
