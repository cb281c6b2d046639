import type { AudioClip } from '../../audio/audio-clip.ts';
import type { Warmable } from './warmable.ts';
import type { WorkClaim } from './work-claim.ts';

/** A tool that the model may call, with a JSON schema of its arguments. */
export interface ModelTool {
  name: string;
  description?: string;
  parameters?: unknown;
}

/** The longest name that servers with OpenAI's API accept (API reference, `function.name`). */
export const maxToolNameLength = 64;

/** A legal name for a tool; with `server`, of a tool that this server runs. It may have to be made unique. */
export function legalToolName({ server, name }: { server?: string | undefined; name: string }): string {
  const joined = server === undefined ? name : `${server}_${name}`;
  return (joined.replaceAll(/[^a-zA-Z0-9_-]/g, '_') || '_').slice(0, maxToolNameLength);
}

export type ModelToolChoice = 'auto' | 'none' | 'required' | { name: string };

/** The id that an engine assigned to a call. It is not sent to other engines. */
export interface EngineCall {
  readonly id: string;
  /** The name of the engine; absent for one that is not on a server. */
  readonly engine?: string;
}

/** One entry of the conversation for the model: text, and audio only if the model accepts it. */
export type ContextItem =
  | { type: 'message'; role: 'system' | 'user' | 'assistant'; content: ContextPart[] }
  /** `callId` is unique among the calls of a request; `engineCall` is the id from the engine that made the call. */
  | { type: 'call'; callId: string; name: string; arguments: string; engineCall?: EngineCall }
  | { type: 'call_output'; callId: string; output: string };

export type ContextPart =
  | { type: 'text'; text: string }
  | { type: 'image'; url: string; detail?: string }
  /** The user's audio, only for a model with `hearsAudio`. The transcript is included if it is known. */
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
  /** Settings for a model with `speaks`; absent: it answers in text. */
  speech?: { voice: string; speed: number };
  claim?: WorkClaim;
  signal: AbortSignal;
}

export interface ModelUsage {
  inputTokens: number;
  outputTokens: number;
  cachedInputTokens?: number;
  /** Audio tokens of the input and the output. Absent if the engine does not distinguish them. */
  audioInputTokens?: number;
  audioOutputTokens?: number;
  /** Tokens of reasoning among the output tokens. */
  reasoningTokens?: number;
}

/** Text that is not the answer's: reasoning, reasoning without an end, or calls of tools that were written as text. */
export type LeftOut = 'reasoning' | 'open_reasoning' | 'calls';

export type ModelEvent =
  | { type: 'text'; text: string }
  /** Reasoning output: not forwarded, but resets the stall timer. */
  | { type: 'thinking' }
  /**
   * From a model with `speaks`, if requested: audio, and an addition to the transcript. Either may be empty, and the
   * text may precede its audio considerably. Replaces `text`; any `text` is spoken by the voice, in the order of the
   * events.
   */
  | { type: 'audio'; samples: Int16Array; sampleRateHz: number; transcript: string }
  /**
   * The start of a call: its arguments follow as deltas, then `call_end`. Calls do not interleave. `callId`: the
   * engine's own id, which is returned to it as `engineCall`; clients get an id of the session. `engine`: the engine's
   * name.
   */
  | { type: 'call'; callId?: string; engine?: string; name: string }
  | { type: 'call_arguments'; delta: string }
  | { type: 'call_end' }
  /** The last event. `length`: the token limit was reached. `leftOut`: what the engine took out of the model's text. */
  | { type: 'finish'; reason: 'stop' | 'length' | 'content_filter'; usage?: ModelUsage; leftOut?: LeftOut };

export interface LanguageModel extends Warmable {
  /** Accepts `audio` parts, so that the user's audio need not be transcribed for it. */
  readonly hearsAudio?: boolean;
  /** Answers with `audio` events if a request has `speech`, so that no voice is needed. */
  readonly speaks?: boolean;
  generate(request: ModelRequest): AsyncIterable<ModelEvent>;
}

/** Counts the tokens of a text for a language model that does not report them. */
export interface TokenCounter {
  /** Never throws, and takes at most a few milliseconds for any text. */
  count(text: string): number;
}
