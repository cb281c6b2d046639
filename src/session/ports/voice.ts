import type { AudioClip } from '../../audio/audio-clip.ts';
import type { Warmable } from './warmable.ts';
import type { WorkClaim } from './work-claim.ts';

export interface SpeakOptions {
  /** One of the names of the official document, or the id of a custom voice. */
  voice: string;
  /** 1 is the voice's own pace; 0.25…1.5. */
  speed: number;
  claim?: WorkClaim;
  signal: AbortSignal;
}

/** When a word of the spoken text sounds: character offsets into the text, milliseconds from its first sample. */
export interface WordTiming {
  startChar: number;
  endChar: number;
  startMs: number;
  endMs: number;
}

export interface SpeechChunk extends AudioClip {
  /** Timings of words, where the voice knows them: in order, with any chunk; words may be told again. */
  words?: readonly WordTiming[];
}

export interface Voice extends Warmable {
  /** The names that it knows; absent where only a remote engine can tell. */
  readonly voices?: readonly string[];
  /** ISO-639-1 codes of what it speaks; absent where only a remote engine can tell. */
  readonly languages?: readonly string[];
  /** It leaves out markup and emoji by itself: it gets the text as the model wrote it. */
  readonly preparesText?: boolean;
  /** Speaks one clause. Silence before and after it is trimmed. Text without words yields nothing. */
  speak(text: string, options: SpeakOptions): AsyncIterable<SpeechChunk>;
}
