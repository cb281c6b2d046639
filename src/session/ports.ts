/**
 * What a session needs from the world. Engines, transports, the store and the clock implement these
 * interfaces; the session knows nothing else of them. Every engine is small: audio or text in, an
 * async iterable out, and an `AbortSignal` that stops it at once (an aborted engine yields nothing more
 * and throws the signal's reason).
 */

import type {
  OutgoingEvent,
  RateLimit,
  ResponseStatus,
  TokenProbability,
  TranscriptionUsage,
  Usage,
} from '../protocol/wire/server-events.ts';

/** Mono 16-bit PCM: the one form in which audio crosses a port. */
export interface AudioClip {
  readonly samples: Int16Array;
  readonly sampleRateHz: number;
}

/** What an engine that is far away may do ahead of its first request. */
interface Warmable {
  /** Makes a connection ready, if none is: called when a session opens and when its user begins to speak. Returns at once and never throws. */
  warm?(): void;
}

// ---- Time ----------------------------------------------------------------------------------------

export interface Clock {
  /** Monotonic milliseconds, for durations and deadlines. */
  now(): number;
  /** Wall-clock milliseconds since the epoch, for `expires_at` and the like. */
  epochMs(): number;
  /** Calls `callback` once, `delayMs` from now; returns the function that cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

// ---- Voice activity ------------------------------------------------------------------------------

/** Tells speech from other sound, frame by frame. One detector serves every session. */
export interface VoiceActivityDetector {
  open(options: { sampleRateHz: number }): VoiceActivityStream;
}

export interface VoiceActivityStream {
  /** Milliseconds of audio that one probability stands for. */
  readonly frameMs: number;
  /**
   * Takes the next samples at the stream's rate, any number of them, and resolves with the speech
   * probability (0…1) of each frame that they complete. Frames are counted from the stream's first
   * sample, so the way in which audio is cut into calls does not change the result. Calls may overlap;
   * they resolve in order.
   */
  push(samples: Int16Array): Promise<Float32Array>;
  close(): void;
}

// ---- Transcriber ---------------------------------------------------------------------------------

export interface TranscribeOptions {
  /** ISO-639-1 hint, such as `en`. */
  language?: string;
  /** Words or style to expect. */
  prompt?: string;
  /** The client wants the tokens' probabilities: an engine that knows them tells them. */
  logprobs?: boolean;
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

// ---- Language model ------------------------------------------------------------------------------

/** A tool that the model may call: a JSON schema describes its arguments. */
export interface ModelTool {
  name: string;
  description?: string;
  parameters?: unknown;
}

export type ModelToolChoice = 'auto' | 'none' | 'required' | { name: string };

/** One entry of the conversation as the model sees it: words, and audio only where the model asks for it. */
export type ContextItem =
  | { type: 'message'; role: 'system' | 'user' | 'assistant'; content: ContextPart[] }
  | { type: 'call'; callId: string; name: string; arguments: string }
  | { type: 'call_output'; callId: string; output: string };

export type ContextPart =
  | { type: 'text'; text: string }
  | { type: 'image'; url: string; detail?: string }
  /** What the user said, as it sounded: only for a model that `hearsAudio`. The transcript is there where it is known. */
  | { type: 'audio'; clip: AudioClip; transcript?: string };

export interface ModelRequest {
  model: string;
  instructions: string;
  items: readonly ContextItem[];
  tools: readonly ModelTool[];
  toolChoice: ModelToolChoice;
  parallelToolCalls?: boolean;
  maxOutputTokens: number | 'inf';
  temperature?: number;
  reasoningEffort?: string;
  /** Whether the text will be spoken: a model may then prefer words to symbols. */
  spoken: boolean;
  /** How to sound, for a model that `speaks`; absent: it answers in text. */
  speech?: { voice: string; speed: number };
  signal: AbortSignal;
}

export interface ModelUsage {
  inputTokens: number;
  outputTokens: number;
  cachedInputTokens?: number;
  /** Of the input, what it heard; of the output, what it spoke. Absent where it does not tell them apart. */
  audioInputTokens?: number;
  audioOutputTokens?: number;
}

export type ModelEvent =
  | { type: 'text'; text: string }
  /** It reasons, of which nothing is told: a sign of life, so that it is not taken for one that stalled. */
  | { type: 'thinking' }
  /**
   * Of a model that `speaks` and was asked to: sound, and the words that it adds to the transcript. Either may be empty,
   * and the words may come well before their sound. Instead of `text`: text that comes beside it is spoken by the voice,
   * in the order in which both come.
   */
  | { type: 'audio'; samples: Int16Array; sampleRateHz: number; transcript: string }
  /** A call begins: its arguments follow as deltas, then `call_end`. Calls do not interleave. */
  | { type: 'call'; callId?: string; name: string }
  | { type: 'call_arguments'; delta: string }
  | { type: 'call_end' }
  /** The last event. `length`: the token limit was met. */
  | { type: 'finish'; reason: 'stop' | 'length' | 'content_filter'; usage?: ModelUsage };

export interface LanguageModel extends Warmable {
  /** Takes `audio` parts, so that what the user says need not be transcribed for it. */
  readonly hearsAudio?: boolean;
  /** Answers with `audio` events where a request has `speech`, so that no voice is needed. */
  readonly speaks?: boolean;
  generate(request: ModelRequest): AsyncIterable<ModelEvent>;
}

// ---- Voice ---------------------------------------------------------------------------------------

export interface SpeakOptions {
  /** One of the names of the official document, or the id of a custom voice. */
  voice: string;
  /** 1 is the voice's own pace; 0.25…1.5. */
  speed: number;
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
  /** Speaks one clause. Silence before and after it is trimmed. Text without words yields nothing. */
  speak(text: string, options: SpeakOptions): AsyncIterable<SpeechChunk>;
}

// ---- What it costs -------------------------------------------------------------------------------

/** Counts what text is for a language model, where the model itself does not tell. */
export interface TokenCounter {
  /** Never throws, and takes no longer than a few milliseconds, whatever the text. */
  count(text: string): number;
}

/** Why nothing more may be spent now. */
export interface SpendingRefusal {
  /** What limit was met, and when to come back. */
  message: string;
  retryAfterMs: number;
}

/** Milliseconds that a spoken turn waited for, each from the one before; absent where it did not come to that. */
export interface TurnTimes {
  /** From the end of speech to the decision: policy, not work. */
  silenceMs?: number;
  /** From the decision to the transcript. */
  transcriptMs?: number;
  /** From the response's creation to the model's first token. */
  firstTokenMs?: number;
  /** From the first token to the first audio that the voice made. */
  firstAudioMs?: number;
  /** From the decision (or, without a turn, the response's creation) to the first audio sent. */
  answeredMs?: number;
}

/** What a response may come to use, in tokens: its input by estimate, and the most that it may give out. */
export interface ExpectedTokens {
  input: number;
  output: number | 'inf';
}

/** What of a limit was set aside for one response. */
export interface Reservation {
  /** Takes it back, but for what was used after all; once or more, of which the first counts. */
  settle(usedTokens: number): void;
}

export interface ResponseAdmission {
  /** Why no response may be made now; absent when one may. */
  refusal?: SpendingRefusal | undefined;
  /** To be handed to `responseUsed`, or to be settled. Absent where nothing is limited. */
  reservation?: Reservation | undefined;
}

/** Keeps the account of one session, and the limits of the key that it was opened with. */
export interface Meter {
  /** Asked before a language model is. */
  admitResponse(expected: ExpectedTokens): Promise<ResponseAdmission>;
  responseUsed(usage: Usage, reservation?: Reservation): void;
  /** How a response ended, and what it waited for. */
  responseEnded(status: ResponseStatus, times: TurnTimes): void;
  transcriptionUsed(usage: TranscriptionUsage): void;
  /** For `rate_limits.updated`: what is known now of the limits that this keeps. */
  rateLimits(): readonly RateLimit[];
}

/** Fetches the images that conversations name by an address, so that engines are given bytes only. */
export interface ImageFetcher {
  /**
   * The image as a `data:` URL.
   * @throws {Error} whose message says, to a client, why it could not be had
   */
  fetch(url: string, signal: AbortSignal): Promise<string>;
}

// ---- The set, and who listens --------------------------------------------------------------------

/** The engines that serve one session. */
export interface Engines {
  voiceActivity: VoiceActivityDetector;
  transcriber: Transcriber;
  languageModel: LanguageModel;
  voice: Voice;
}

/** Why a peer is being closed: a WebSocket close code and a reason of at most 123 bytes. */
export interface CloseReason {
  code: number;
  reason: string;
}

/**
 * One client attached to a session. It adapts events to its own dialect and transport, and bounds its own
 * outgoing queue.
 */
export interface Peer {
  readonly id: string;
  send(event: OutgoingEvent): void;
  close(reason: CloseReason): void;
}
