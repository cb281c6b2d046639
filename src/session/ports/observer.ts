import type { ToolCallError } from '../../protocol/wire/items.ts';
import type { ResponseStatus, TranscriptionUsage, Usage } from '../../protocol/wire/server-events.ts';
import type { GenerationStage } from '../generation/generation-reports.ts';

/** When an observation was made. */
export interface Moment {
  /** Milliseconds on the Clock. */
  atMs: number;
  /** The end of the input audio written by then, on the timeline of `audio_start_ms`. */
  inputMs: number;
  /** The session is relayed: an upstream listens, thinks and speaks, and its stages are not observed. */
  relayed: boolean;
}

/** What happens in a session. */
export type Occurrence =
  | { type: 'speech_started'; itemId: string; audioStartMs: number }
  /** A turn has ended. `silenceMs`: the silence that voice activity detection waited for. */
  | {
      type: 'turn_decided';
      itemId: string;
      by: 'voice_activity' | 'client' | 'idle_timeout';
      audioEndMs: number;
      silenceMs?: number;
    }
  /** A turn can be answered. `transcribed`: it waited for its transcript; otherwise the model hears its audio. */
  | { type: 'turn_understood'; itemId: string; transcribed: boolean }
  /** `tookMs`: with the wait for earlier transcriptions' results; it and `audioMs` are absent in a relayed session. */
  | {
      type: 'transcript';
      itemId: string;
      contentIndex: number;
      text: string;
      usage: TranscriptionUsage;
      audioMs?: number;
      tookMs?: number;
    }
  | { type: 'transcription_failed'; itemId: string; contentIndex: number; error: string }
  | { type: 'voice_activity_failed'; error: string }
  | { type: 'response_created'; responseId: string; inConversation: boolean }
  /** A generation may have started before its response was created: then `atMs` is earlier than that of what precedes it. */
  | { type: GenerationStage; responseId: string }
  /** The first audio of a response has left for its peers. */
  | { type: 'first_audio_sent'; responseId: string }
  /** At the start of a clause that the voice made no sound of; once in a response. */
  | { type: 'voice_silent'; responseId: string; voice: string; characters: number }
  /** Items are left out of the model's context; once in a session. */
  | { type: 'context_truncated'; leftOut: number; items: number }
  /** Precedes `response_done`. `error` is for operators; where the request is at fault it may hold what the client sent. */
  | {
      type: 'response_failed';
      responseId: string;
      fault: 'request' | 'server';
      code: string;
      error: string;
      /** As `engineKinds` names it. */
      stage?: string;
    }
  /** `usage`: null where it is not known. */
  | {
      type: 'response_done';
      responseId: string;
      inConversation: boolean;
      status: ResponseStatus;
      usage: Usage | null;
    }
  /**
   * A tool that the server ran has finished, possibly after its response. `error`: the type of its error; `fault`: what the
   * runner threw, for operators.
   */
  | {
      type: 'tool_call_done';
      responseId: string;
      itemId: string;
      serverLabel: string;
      name: string;
      tookMs: number;
      error?: ToolCallError['type'];
      fault?: string;
    }
  | { type: 'noise_reduction_unavailable' }
  /** A defect of the session itself, which goes on. */
  | { type: 'session_fault'; error: string }
  /** The last, but for faults of what was still under way. */
  | { type: 'session_ended' };

export type OccurrenceType = Occurrence['type'];
export type Observation = Readonly<Occurrence & Moment>;
export type ObservationOf<T extends OccurrenceType> = Extract<Observation, { type: T }>;

/** Audio on one of a session's two tracks, mono. The samples are the observer's own copy. */
export interface TrackAudio {
  samples: Int16Array;
  sampleRateHz: number;
}

/** Input audio as it was written: pieces follow each other without a gap. */
export interface WrittenAudio extends TrackAudio {
  /** Where the piece begins on the timeline of all input audio, in milliseconds. */
  startMs: number;
  /** When it was written, in milliseconds on the Clock. */
  atMs: number;
}

/** Audio of the conversation's responses as the session's playback says that it was played: cut where it was interrupted. */
export interface PlayedAudio extends TrackAudio {
  responseId: string;
  itemId: string;
  contentIndex: number;
  /** When its first sample was played, in milliseconds on the Clock. */
  atMs: number;
}

/**
 * Observes one session. Its functions are called synchronously, in the order in which things happen, and should return
 * soon: the session waits. An exception, or the rejection of a promise that is returned, is logged and disturbs nobody.
 */
export interface SessionObserver {
  observe?(observation: Observation): void;
  /** Audio that clients wrote, which is copied only for observers that have this function. */
  inputAudio?(audio: WrittenAudio): void;
  /** Audio that was played, which is copied only for observers that have this function. */
  outputAudio?(audio: PlayedAudio): void;
}
