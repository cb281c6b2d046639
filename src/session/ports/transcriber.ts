import type { AudioClip } from '../../audio/audio-clip.ts';
import type { TokenProbability, TranscriptionUsage } from '../../protocol/wire/server-events.ts';
import type { RealtimeConfig } from '../../protocol/wire/session-config.ts';
import type { Warmable } from './warmable.ts';
import type { WorkClaim } from './work-claim.ts';

/** The settings of a session's transcription. */
export type TranscriptionConfig = NonNullable<RealtimeConfig['audio']['input']['transcription']>;
export type TranscriptionDelay = NonNullable<TranscriptionConfig['delay']>;

export interface TranscribeOptions {
  /** ISO-639-1 hint, such as `en`. */
  language?: string;
  /** ISO-639-1 codes of the expected languages, if there are several. */
  languages?: readonly string[];
  /** Words or phrases to expect. */
  keywords?: readonly string[];
  /** Words or style to expect. */
  prompt?: string;
  /** The client requests logprobs; engines that have them report them. */
  logprobs?: boolean;
  /** How certain the words of an open turn should be: higher values wait longer. */
  delay?: TranscriptionDelay;
  claim?: WorkClaim;
  signal: AbortSignal;
}

export type TranscriptEvent =
  /** Segments by speaker, from an engine that distinguishes speakers; seconds from the clip's start. */
  | { type: 'segment'; text: string; speaker: string; start: number; end: number }
  /** The next words; concatenated deltas equal the text of `done`. */
  | { type: 'delta'; text: string; logprobs?: TokenProbability[] }
  | {
      type: 'done';
      /** The whole text, trimmed; blank if nothing was said. */
      text: string;
      /** Mean probability of the tokens, 0…1, if known. */
      confidence?: number;
      /** Probability that a sentence ended with the audio, 0…1, if known. */
      endOfSentence?: number;
      /** One entry per token of the text. */
      logprobs?: TokenProbability[];
      /** The engine's own figures, which take precedence over estimates. */
      usage?: TranscriptionUsage;
    };

/** A turn that has not ended. */
export interface OpenTurn {
  /** The duration of its audio so far, in milliseconds. */
  readonly durationMs: number;
  /** A copy of its audio between two positions, in milliseconds since its start; by default up to its end so far. */
  clip(fromMs: number, toMs?: number): AudioClip;
  /** Resolves once it has this duration; rejects with the signal's reason. */
  reaches(durationMs: number, signal: AbortSignal): Promise<void>;
}

/** The next words of an open turn. */
export type PartialTranscript = Extract<TranscriptEvent, { type: 'delta' }>;

/** A client's settings that a transcriber may support. */
export const transcriptionSettings = ['language', 'languages', 'keywords', 'prompt', 'delay'] as const;
export type TranscriptionSetting = (typeof transcriptionSettings)[number];

export interface Transcriber extends Warmable {
  /** The settings that it supports; absent if unknown. */
  readonly settings?: readonly TranscriptionSetting[];
  /** ISO-639-1 codes of the supported languages; absent if unknown, as for a remote engine. */
  readonly languages?: readonly string[];
  /** Yields any number of deltas, then exactly one `done`. */
  transcribe(clip: AudioClip, options: TranscribeOptions): AsyncIterable<TranscriptEvent>;
  /**
   * Yields deltas with the words of a turn during speech, which are never withdrawn; `transcribe` may contradict them.
   * The signal aborts when the turn ends. Absent: words are only known after the turn.
   */
  follow?(turn: OpenTurn, options: TranscribeOptions): AsyncIterable<TranscriptEvent>;
}
