import type { AudioClip } from '../../audio/audio-clip.ts';
import type { Warmable } from './warmable.ts';
import type { WorkClaim } from './work-claim.ts';

export interface SpeakOptions {
  /** A name from the official document, or the id of a custom voice. */
  voice: string;
  /** 1 is the voice's own pace; 0.25…1.5. */
  speed: number;
  claim?: WorkClaim;
  signal: AbortSignal;
}

/** The timing of a word of the spoken text: character offsets into the text, milliseconds from its first sample. */
export interface WordTiming {
  startChar: number;
  endChar: number;
  startMs: number;
  endMs: number;
}

export interface SpeechChunk extends AudioClip {
  /** Timings of words, if known: in order, with any chunk; words may be repeated. */
  words?: readonly WordTiming[];
}

export interface Voice extends Warmable {
  /** Its voice names; absent if unknown, as for a remote engine. */
  readonly voices?: readonly string[];
  /** ISO-639-1 codes of its languages; absent if unknown, as for a remote engine. */
  readonly languages?: readonly string[];
  /** Whether it leaves out markup and emoji itself: it then gets the text as the model wrote it. */
  readonly preparesText?: boolean;
  /** Speaks one clause. Silence before and after it is trimmed. Text without words yields nothing. */
  speak(text: string, options: SpeakOptions): AsyncIterable<SpeechChunk>;
}
