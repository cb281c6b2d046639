import type { AudioClip } from '../../audio/audio-clip.ts';
import type { TokenProbability, TranscriptionUsage } from '../../protocol/wire/server-events.ts';
import type { Warmable } from './warmable.ts';
import type { WorkClaim } from './work-claim.ts';

export interface TranscribeOptions {
  /** ISO-639-1 hint, such as `en`. */
  language?: string;
  /** Words or style to expect. */
  prompt?: string;
  /** The client wants the tokens' probabilities: an engine that knows them tells them. */
  logprobs?: boolean;
  claim?: WorkClaim;
  signal: AbortSignal;
}

export type TranscriptEvent =
  /** Who said what when, from an engine that tells speakers apart; seconds from the clip's start. */
  | { type: 'segment'; text: string; speaker: string; start: number; end: number }
  /** The next words; deltas concatenate to the text of `done`. */
  | { type: 'delta'; text: string; logprobs?: TokenProbability[] }
  | {
      type: 'done';
      /** The whole text, trimmed; blank when nothing was said. */
      text: string;
      /** Mean probability of the tokens, 0…1, where the engine knows it. */
      confidence?: number;
      /** Probability that a sentence ended with the audio, 0…1, where the engine knows it. */
      endOfSentence?: number;
      /** Of the whole text's tokens. */
      logprobs?: TokenProbability[];
      /** The engine's own figures, which win over estimates. */
      usage?: TranscriptionUsage;
    };

export interface Transcriber extends Warmable {
  /** ISO-639-1 codes of what it understands; absent where only a remote engine can tell. */
  readonly languages?: readonly string[];
  /** Yields any number of deltas, then exactly one `done`. */
  transcribe(clip: AudioClip, options: TranscribeOptions): AsyncIterable<TranscriptEvent>;
}
