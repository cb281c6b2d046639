import type { ToolCallError } from '../../protocol/wire/mcp-items.ts';
import type { ResponseStatus, TranscriptionUsage, Usage } from '../../protocol/wire/server-events.ts';
import type { GenerationStage } from '../generation/generation-reports.ts';

/** The time of an observation. */
export interface Moment {
  /** Milliseconds on the Clock. */
  atMs: number;
  /** The end of the input audio written by then, on the timeline of `audio_start_ms`. */
  inputMs: number;
  /** Whether the session is relayed to an upstream, whose stages are not observed. */
  relayed: boolean;
}

/** What a sound was that did not become a turn: without words, words of a listener, or the assistant's own voice. */
export type IgnoredSound = 'noise' | 'back_channel' | 'echo';

/** Occurrences in a session. */
export type Occurrence =
  | { type: 'speech_started'; itemId: string; audioStartMs: number }
  /** A sound while the assistant was audible, which did not become a turn. */
  | { type: 'sound_ignored'; sounds: IgnoredSound; audioStartMs: number; audioEndMs: number }
  /** The transcriber is too slow to judge such sounds: they are announced at once, for this time. */
  | { type: 'interruptions_unchecked'; forMs: number }
  /** A turn has ended. `silenceMs`: the silence that voice activity detection waited for. */
  | {
      type: 'turn_decided';
      itemId: string;
      by: 'voice_activity' | 'client' | 'idle_timeout';
      audioEndMs: number;
      silenceMs?: number;
    }
  /** A turn can be answered. `transcribed`: it waited for its transcript; otherwise the model receives its audio. */
  | { type: 'turn_understood'; itemId: string; transcribed: boolean }
  /**
   * `tookMs` includes the wait for the results of earlier transcriptions; it and `audioMs` are absent in a relayed
   * session.
   */
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
  /** Words of a turn could not be sent during speech; its transcription is not affected. */
  | { type: 'partial_transcript_failed'; itemId: string; error: string }
  | { type: 'voice_activity_failed'; error: string }
  /** A turn was decided without the turn model. */
  | { type: 'turn_model_failed'; error: string }
  /** The cost, by estimate, of work before the end of a turn that was not used, or that judged a sound. */
  | { type: 'ahead_dropped'; work: 'transcript'; audioMs: number }
  | { type: 'ahead_dropped'; work: 'answer'; inputTokens: number; outputTokens: number }
  | { type: 'response_created'; responseId: string; inConversation: boolean }
  /**
   * A generation may start before its response is created; `atMs` is then earlier than that of the preceding
   * observations.
   */
  | { type: GenerationStage; responseId: string }
  /**
   * The first audio of a response was sent to its peers; its first audible sample, whose `atMs` includes the silence
   * before it in the same piece.
   */
  | { type: 'first_audio_sent' | 'first_audible_sent'; responseId: string }
  /** At the start of a clause for which the voice produced no audio; once per response. */
  | { type: 'voice_silent'; responseId: string; voice: string; characters: number }
  /** Items are left out of the model's context; once per session. */
  | { type: 'context_truncated'; leftOut: number; items: number }
  /** Precedes `response_done`. `error` is for operators; if the request is at fault, it may contain client data. */
  | {
      type: 'response_failed';
      responseId: string;
      fault: 'request' | 'server';
      code: string;
      error: string;
      /** As `engineKinds` names it. */
      stage?: string;
    }
  /** `usage`: null if unknown. */
  | {
      type: 'response_done';
      responseId: string;
      inConversation: boolean;
      status: ResponseStatus;
      usage: Usage | null;
    }
  /**
   * A tool of the server, or of the upstream, has finished, possibly after its response. `error`: the type of its error;
   * `fault`: its cause, for operators.
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
  /** The tools of an MCP server were imported, or could not be: `error`, for operators. */
  | { type: 'tools_imported'; serverLabel: string; tools: number; tookMs: number; error?: string }
  | { type: 'noise_reduction_unavailable' }
  /** A truncation beyond the audio that was sent was clamped; once in a session. */
  | { type: 'truncation_clamped' }
  /** Settings of the transcription that the transcriber does not support; each once in a session. */
  | { type: 'transcription_settings_ignored'; settings: string[] }
  /** Languages that the transcriber does not know; each once in a session. */
  | { type: 'transcription_languages_unknown'; languages: string[]; known: string[] }
  /** A defect of the session itself, which continues. */
  | { type: 'session_fault'; error: string }
  /** The last, except for faults of work in progress. */
  | { type: 'session_ended' };

export type OccurrenceType = Occurrence['type'];
export type Observation = Readonly<Occurrence & Moment>;
export type ObservationOf<T extends OccurrenceType> = Extract<Observation, { type: T }>;

/** Audio on one of a session's two tracks, mono. The observer owns the samples. */
export interface TrackAudio {
  samples: Int16Array;
  sampleRateHz: number;
}

/** Input audio as it was written, in contiguous pieces. */
export interface WrittenAudio extends TrackAudio {
  /** The start of the piece on the timeline of all input audio, in milliseconds. */
  startMs: number;
  /** When it was written, in milliseconds on the Clock. */
  atMs: number;
}

/**
 * Audio of the conversation's responses as it was played according to the session's playback: truncated if interrupted.
 */
export interface PlayedAudio extends TrackAudio {
  responseId: string;
  itemId: string;
  contentIndex: number;
  /** When its first sample was played, in milliseconds on the Clock. */
  atMs: number;
}

/**
 * Observes one session. Its functions are called synchronously, in the order of the occurrences, and must return
 * quickly, because the session waits. Exceptions, and rejections of a returned promise, are logged and have no other
 * effect.
 */
export interface SessionObserver {
  observe?(observation: Observation): void;
  /** Audio written by clients, which is copied only for observers with this function. */
  inputAudio?(audio: WrittenAudio): void;
  /** Audio that was played, which is copied only for observers with this function. */
  outputAudio?(audio: PlayedAudio): void;
}
