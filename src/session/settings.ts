import type { Clock } from '../core/clock.ts';
import { mcpErrors } from '../protocol/errors/mcp-errors.ts';
import type { IdSource } from '../protocol/wire/ids.ts';
import type { SessionUpdate } from '../protocol/wire/session-config.ts';
import type { PromptTemplate } from './context/prompts.ts';
import { type ContextBudget, defaultContextTokens } from './context/truncation.ts';
import type { Observers } from './observing/observers.ts';
import type { Engines } from './ports/engines.ts';
import type { ImageFetcher } from './ports/image-fetcher.ts';
import type { TokenCounter } from './ports/language-model.ts';
import type { Meter } from './ports/meter.ts';
import type { ToolRunner } from './ports/tool-runner.ts';
import type { ToolServers } from './ports/tool-servers.ts';
import type { WorkClaim } from './ports/work-claim.ts';

/** The operator's settings for every session; `config.ts` documents the options and their defaults. */
export interface SessionSettings {
  /** Maximum lead of sent audio over its playback, in milliseconds; `Infinity` sends it as it is produced. */
  outputLeadMs: number;
  /** Maximum lifetime of a session. */
  sessionMinutes: number;
  /** Maximum idle time, without client events and responses, before a session ends; `Infinity` for no limit. */
  idleMinutes: number;
  /** Refuse a truncation beyond the audio that was sent, instead of clamping it. */
  strictTruncation: boolean;
  /** Continue with a response when the tools that this server runs for another have finished. */
  mcpContinue: boolean;
  /**
   * The start of a turn while the assistant is audible: `words` holds it back until the sound is more than a noise or a
   * back-channel, `sound` does not; `auto`: words with `semantic_vad`, sound with `server_vad`.
   */
  interruptBy: 'auto' | 'words' | 'sound';
  /**
   * Whether transcription and the answer start in pauses, before the end of a turn is decided; `auto`: unless an engine
   * is on a public server.
   */
  overlap: 'auto' | 'on' | 'off';
  prompts: readonly PromptTemplate[];
  /** Maximum input of each model; the first entry for a model counts. */
  contextTokens: readonly ContextBudget[];
  limits: SessionLimits;
}

/** The limits of one session. */
export interface SessionLimits {
  /** Uncommitted input audio. With turn detection a turn ends at this length; without, further appends are refused. */
  inputBufferMs: number;
  /** The part of it that is stored during silence, with turn detection; more if the prefix padding needs it. */
  silenceMs: number;
  /** Input audio that waits for voice activity detection; beyond it, reading from the client is paused. */
  undetectedAudioMs: number;
  /** Audio stored with items, for retrieval and truncation: the oldest is dropped, its transcript is preserved. */
  keptAudioMs: number;
  /** Items in the conversation. */
  items: number;
  /** Characters of text, images and arguments in the items that clients add. */
  itemCharacters: number;
  /** Characters of the engines' ids of calls: beyond it the oldest are dropped. */
  engineCallCharacters: number;
  /**
   * Characters of one response's context: text, images and audio, both as base64. Each occurrence of an item counts.
   */
  contextCharacters: number;
  /** Concurrent out-of-band responses. */
  outOfBandResponses: number;
  /** Responses per minute that a client may request; `Infinity` for no limit. */
  responsesPerMinute: number;
  /** Audio of one turn that is transcribed in pauses, before the turn has ended; a pause counts at most 20 s. */
  aheadAudioMs: number;
  /** Answers of a key per minute that are started ahead and not used; `Infinity` for no limit. */
  unusedAnswersPerMinute: number;
  /** Bytes of audio in one append, decoded. */
  appendBytes: number;
  /** Tools of a session or of a response. */
  tools: number;
  /** Bytes of their definitions, as JSON in UTF-8. */
  toolBytes: number;
  /** Concurrent server-side tool calls. */
  toolCalls: number;
  /** Time limit of a server-side tool call. */
  toolCallMs: number;
  /** Characters of the output of a server-side tool call. */
  toolOutputCharacters: number;
  /** Calls that wait for the client's approval. */
  toolApprovals: number;
  /** MCP servers in use. */
  mcpServers: number;
  /** Tools of one MCP server. */
  mcpTools: number;
  /** Bytes of the instructions in UTF-8; also of a prompt with its variables, and of tracing, as JSON. */
  instructionsBytes: number;
  /** Maximum wait for the words of a sound while the assistant is audible; beyond it, the sound is an interruption. */
  interruptionCheckMs: number;
  /** Maximum wait for the next output of a stage, after which the response fails and names the stage. */
  stageStallMs: number;
}

export const defaultSessionSettings: SessionSettings = {
  outputLeadMs: 3000,
  sessionMinutes: 60,
  idleMinutes: Number.POSITIVE_INFINITY,
  strictTruncation: false,
  mcpContinue: false,
  interruptBy: 'auto',
  overlap: 'auto',
  prompts: [],
  contextTokens: [{ tokens: defaultContextTokens }],
  limits: {
    inputBufferMs: 600_000,
    silenceMs: 2000,
    undetectedAudioMs: 10_000,
    keptAudioMs: 600_000,
    items: 2000,
    itemCharacters: 64 * 1024 ** 2,
    contextCharacters: 64 * 1024 ** 2,
    engineCallCharacters: 1024 ** 2,
    outOfBandResponses: 8,
    responsesPerMinute: 600,
    aheadAudioMs: 600_000,
    unusedAnswersPerMinute: 60,
    // By the official document.
    appendBytes: 15 * 1024 ** 2,
    tools: 128,
    toolBytes: 1024 ** 2,
    toolCalls: 16,
    toolCallMs: 60_000,
    toolOutputCharacters: 1024 ** 2,
    toolApprovals: 64,
    mcpServers: 16,
    mcpTools: 256,
    instructionsBytes: 256 * 1024,
    interruptionCheckMs: 500,
    stageStallMs: 30_000,
  },
};

/** Settings of the sessions opened with a client secret, fixed by its creator. */
export interface SessionGrant {
  /** The initial configuration of the session, as an update of the default one. */
  initial?: SessionUpdate;
  /** Fields that clients cannot change, by their GA path: `instructions`, `audio.output.voice`, `tools`. */
  locked?: readonly string[];
  /** The session's maximum lifetime, if shorter than the server's. */
  maxSeconds?: number;
}

/** Dependencies shared by all parts of a session. */
export interface SessionTools {
  engines: Engines;
  /** The owner of its engines' work. */
  claim: Pick<WorkClaim, 'key' | 'session'>;
  clock: Clock;
  ids: IdSource;
  settings: SessionSettings;
  observers: Observers;
  meter: Meter;
  tokens: TokenCounter;
  images: ImageFetcher;
}

/** For a session without accounting. */
export const noMeter: Meter = {
  admitResponse: async () => ({}),
  responseUsed() {},
  transcriptionUsed() {},
  rateLimits: () => [],
};

/** The usual length of a token of English text. */
const charactersPerToken = 4;

/** Used until a tokenizer is loaded. */
export const roughTokens: TokenCounter = { count: (text) => Math.ceil(text.length / charactersPerToken) };

/** For a server that does not fetch images. */
export const noImages: ImageFetcher = {
  fetch: () => Promise.reject(new Error('This server fetches no images: send them as data: URLs.')),
};

/** For a server that runs no tools: all calls go to the client. */
export const noTools: ToolRunner = {
  tools: () => [],
  run: () => Promise.reject(new Error('This server runs no tools.')),
};

/** For a session that has no MCP servers. */
export const noToolServers: ToolServers = {
  isConfigured: () => false,
  check(_definition, path) {
    throw mcpErrors.noMcp(path);
  },
  open: () => {
    throw new Error('This session has no MCP servers.');
  },
};
