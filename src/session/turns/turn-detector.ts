import type { TurnDetection } from '../../protocol/wire/session-config.ts';
import type { FinalProsody, PauseEvidence, TurnPolicy } from '../ports/turn-policy.ts';
import type { VoiceFrame } from '../ports/voice-activity.ts';
import { Prosody } from './prosody.ts';
import { turnPolicy } from './turn-policy.ts';

/** A change on the timeline of written audio, in milliseconds. */
export type TurnMark =
  | {
      type: 'speech_started';
      /** The start of the first voiced frame, minus the prefix padding. */
      audioStartMs: number;
      voicedFromMs: number;
    }
  /** The turn may end here. */
  | ({ type: 'paused' } & VoicedPart)
  /** The turn continues after a pause. */
  | { type: 'resumed' }
  /** The policy needs the evidence of this pause: call `inform` before the next `push`. */
  | { type: 'undecided' }
  | ({
      type: 'speech_stopped';
      /** The position of the decision: the end of the last voiced frame, plus the silence that was waited for. */
      audioEndMs: number;
    } & VoicedPart);

export interface VoicedPart {
  /** From the start of the first voiced frame to the end of the last: the part to transcribe. */
  voicedFromMs: number;
  voicedToMs: number;
}

export interface TurnDetectorSettings {
  /** A frame with at least this probability is voiced, 0…1. */
  threshold: number;
  prefixPaddingMs: number;
  policy: TurnPolicy;
}

/** Consecutive voiced frames that start a turn: a click or a plosive alone is shorter. */
const framesToStart = 3;
/** Frames without voice that make a pause: the closure of a plosive is mostly shorter. */
const framesToPause = 2;
/** During a turn, the threshold is lower by this amount. */
const hysteresis = 0.15;

/** The detector's settings for a session's `turn_detection`. */
export function detectorSettings(detection: TurnDetection): TurnDetectorSettings {
  const policy = turnPolicy(detection);
  if (detection.type === 'semantic_vad') return { threshold: 0.5, prefixPaddingMs: 300, policy };
  return { threshold: detection.threshold, prefixPaddingMs: detection.prefix_padding_ms, policy };
}

interface Speech {
  fromMs: number;
  toMs: number;
  paused: boolean;
  readonly prosody: Prosody;
  /** Of the current pause. */
  evidence: PauseEvidence | undefined;
}

/**
 * Detects the start, the pauses and the end of turns from voice activity. It counts frames and does not use the clock,
 * so the same audio and evidence have the same result regardless of how the audio was sent.
 */
export class TurnDetector {
  #settings: TurnDetectorSettings;
  readonly #frameMs: number;
  #positionMs: number;
  readonly #starting: VoiceFrame[] = [];
  #speech: Speech | undefined;

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

  /** How the current turn's last words sound; undefined if that is unknown. */
  get prosody(): FinalProsody | undefined {
    return this.#speech?.prosody.atEnd();
  }

  /** Whether the policy decides by evidence. */
  get asks(): boolean {
    return this.#settings.policy.asksAfterMs !== undefined;
  }

  /** The silence after the last voiced frame at which a pause begins. */
  get pauseMs(): number {
    return framesToPause * this.#frameMs;
  }

  /** Changes the settings; a turn that has started continues with them. */
  configure(settings: TurnDetectorSettings): void {
    this.#settings = settings;
  }

  /** Drops the current turn, because its audio was committed or cleared otherwise. */
  reset(): void {
    this.#speech = undefined;
    this.#starting.length = 0;
  }

  /** The current turn begins later: what was voiced before is not part of it. */
  startAt(fromMs: number): void {
    if (this.#speech) this.#speech.fromMs = fromMs;
  }

  push(frame: VoiceFrame): TurnMark | undefined {
    const frameStartMs = this.#positionMs;
    this.#positionMs += this.#frameMs;
    return this.#speech ? this.#continue(frame, this.#speech) : this.#listen(frame, frameStartMs);
  }

  /** Takes the evidence of the current pause; returns the end of the turn if that decides it. */
  inform(evidence: PauseEvidence): TurnMark | undefined {
    const speech = this.#speech;
    if (!speech?.paused) return undefined;
    speech.evidence = evidence;
    return this.#end(speech);
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

  #listen(frame: VoiceFrame, frameStartMs: number): TurnMark | undefined {
    if (frame.probability < this.#settings.threshold) {
      this.#starting.length = 0;
      return undefined;
    }
    this.#starting.push(frame);
    if (this.#starting.length < framesToStart) return undefined;
    const fromMs = frameStartMs - (framesToStart - 1) * this.#frameMs;
    const prosody = new Prosody();
    for (const each of this.#starting.splice(0)) prosody.push(each);
    this.#speech = { fromMs, toMs: this.#positionMs, paused: false, prosody, evidence: undefined };
    const audioStartMs = Math.max(0, fromMs - this.#settings.prefixPaddingMs);
    return { type: 'speech_started', audioStartMs, voicedFromMs: fromMs };
  }

  #continue(frame: VoiceFrame, speech: Speech): TurnMark | undefined {
    const { threshold, policy } = this.#settings;
    if (frame.probability >= Math.max(threshold - hysteresis, Math.min(threshold, 0.01))) {
      const { paused } = speech;
      speech.prosody.push(frame);
      Object.assign(speech, { toMs: this.#positionMs, paused: false, evidence: undefined });
      return paused ? { type: 'resumed' } : undefined;
    }
    const silenceMs = this.#positionMs - speech.toMs;
    const { asksAfterMs } = policy;
    if (asksAfterMs === undefined || speech.evidence) {
      const end = this.#end(speech);
      if (end) return end;
    } else if (silenceMs >= asksAfterMs) {
      speech.paused = true;
      return { type: 'undecided' };
    }
    if (speech.paused || silenceMs < this.pauseMs) return undefined;
    speech.paused = true;
    return { type: 'paused', voicedFromMs: speech.fromMs, voicedToMs: speech.toMs };
  }

  #end(speech: Speech): TurnMark | undefined {
    const silenceMs = this.#settings.policy.silenceMs(speech.evidence ?? {});
    if (this.#positionMs - speech.toMs < silenceMs) return undefined;
    this.reset();
    return {
      type: 'speech_stopped',
      audioEndMs: speech.toMs + silenceMs,
      voicedFromMs: speech.fromMs,
      voicedToMs: speech.toMs,
    };
  }
}
