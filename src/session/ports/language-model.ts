import type { AudioClip } from '../../audio/audio-clip.ts';
import type { Warmable } from './warmable.ts';
import type { WorkClaim } from './work-claim.ts';

/** A tool that the model may call: a JSON schema describes its arguments. */
export interface ModelTool {
  name: string;
  description?: string;
  parameters?: unknown;
}

export type ModelToolChoice = 'auto' | 'none' | 'required' | { name: string };

/** The id that an engine gave to a call. No other engine is sent it. */
export interface EngineCall {
  readonly id: string;
  /** The name of the engine; absent for one that is not on a server. */
  readonly engine?: string;
}

/** One entry of the conversation as the model sees it: words, and audio only where the model asks for it. */
export type ContextItem =
  | { type: 'message'; role: 'system' | 'user' | 'assistant'; content: ContextPart[] }
  /** `callId` is unique among the calls of a request; `engineCall` is the id that the call had where it was made. */
  | { type: 'call'; callId: string; name: string; arguments: string; engineCall?: EngineCall }
  | { type: 'call_output'; callId: string; output: string };

export type ContextPart =
  | { type: 'text'; text: string }
  | { type: 'image'; url: string; detail?: string }
  /** What the user said, as it sounded: only for a model that `hearsAudio`. The transcript is there where it is known. */
  | { type: 'audio'; clip: AudioClip; transcript?: string };

export interface ModelRequest {
  model: string;
  instructions: string;
  /** Whether the instructions are those of this response alone, not the session's. */
  instructionsOfResponse?: boolean;
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
  claim?: WorkClaim;
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
  /**
   * A call begins: its arguments follow as deltas, then `call_end`. Calls do not interleave. `callId`: the engine's own id,
   * which comes back to it as `engineCall`; clients get an id of the session's. `engine`: the engine's name.
   */
  | { type: 'call'; callId?: string; engine?: string; name: string }
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

/** Counts what text is for a language model, where the model itself does not tell. */
export interface TokenCounter {
  /** Never throws, and takes no longer than a few milliseconds, whatever the text. */
  count(text: string): number;
}
