import type { Clock } from '../core/clock.ts';
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
import type { WorkClaim } from './ports/work-claim.ts';

/** What an operator decides for every session; `config.ts` documents the options and their defaults. */
export interface SessionSettings {
  /** Audio leaves at most this far ahead of its playback, in milliseconds; `Infinity` sends it as it is made. */
  outputLeadMs: number;
  /** A session's longest life. */
  sessionMinutes: number;
  /** How long a session may go without a client's event and without a response before it ends; `Infinity` for ever. */
  idleMinutes: number;
  /** Refuse a truncation beyond the audio that was sent, instead of clamping it. */
  strictTruncation: boolean;
  prompts: readonly PromptTemplate[];
  /** What the input of each model may have; the first entry for a model counts. */
  contextTokens: readonly ContextBudget[];
  limits: SessionLimits;
}

/** The bounds of one session. */
export interface SessionLimits {
  /** Uncommitted input audio. With turn detection a turn that reaches it ends there; without, appends are refused. */
  inputBufferMs: number;
  /** Of that, with turn detection: what is kept while nobody speaks. Prefix padding reaches no further back. */
  silenceMs: number;
  /** Input audio that voice activity detection has not seen yet; beyond it the client is read no further. */
  undetectedAudioMs: number;
  /** Audio kept with items, for retrieval and truncation: the oldest is dropped, its transcript stays. */
  keptAudioMs: number;
  /** Items in the conversation. */
  items: number;
  /** Characters of text, images and arguments in the items that clients add. */
  itemCharacters: number;
  /** Characters of the ids that engines gave to calls: beyond them the oldest are forgotten. */
  engineCallCharacters: number;
  /** Characters of one response's context: text, images and audio, both as base64. Each occurrence of an item counts. */
  contextCharacters: number;
  /** Out-of-band responses that run at once. */
  outOfBandResponses: number;
  /** Responses that a client may ask for in a minute; `Infinity` for any number. */
  responsesPerMinute: number;
  /** Bytes of audio in one append, decoded. */
  appendBytes: number;
  /** Tools of a session or of a response. */
  tools: number;
  /** Bytes of their definitions, as JSON in UTF-8. */
  toolBytes: number;
  /** Tools that the server runs at once. */
  toolCalls: number;
  /** How long one of them may run. */
  toolCallMs: number;
  /** Characters of the output of one of them. */
  toolOutputCharacters: number;
  /** Bytes of the instructions in UTF-8; also of a prompt with its variables, and of tracing, as JSON. */
  instructionsBytes: number;
  /** How long a stage may take to yield its next piece before the response fails and names it. */
  stageStallMs: number;
}

export const defaultSessionSettings: SessionSettings = {
  outputLeadMs: 3000,
  sessionMinutes: 60,
  idleMinutes: Number.POSITIVE_INFINITY,
  strictTruncation: false,
  prompts: [],
  contextTokens: [{ tokens: defaultContextTokens }],
  limits: {
    inputBufferMs: 600_000,
    silenceMs: 30_000,
    undetectedAudioMs: 10_000,
    keptAudioMs: 600_000,
    items: 2000,
    itemCharacters: 64 * 1024 ** 2,
    contextCharacters: 64 * 1024 ** 2,
    engineCallCharacters: 1024 ** 2,
    outOfBandResponses: 8,
    responsesPerMinute: 600,
    // By the official document.
    appendBytes: 15 * 1024 ** 2,
    tools: 128,
    toolBytes: 1024 ** 2,
    toolCalls: 16,
    toolCallMs: 60_000,
    toolOutputCharacters: 1024 ** 2,
    instructionsBytes: 256 * 1024,
    stageStallMs: 30_000,
  },
};

/** What whoever minted a client secret fixed for the sessions that are opened with it. */
export interface SessionGrant {
  /** The configuration that the session starts with, as an update of the default one. */
  initial?: SessionUpdate;
  /** Fields that clients may not change, by their GA path: `instructions`, `audio.output.voice`, `tools`. */
  locked?: readonly string[];
  /** The session's longest life, where it is shorter than the server's. */
  maxSeconds?: number;
}

/** What every part of a session shares. */
export interface SessionTools {
  engines: Engines;
  /** Who its engines work for. */
  claim: Pick<WorkClaim, 'key' | 'session'>;
  clock: Clock;
  ids: IdSource;
  settings: SessionSettings;
  observers: Observers;
  meter: Meter;
  tokens: TokenCounter;
  images: ImageFetcher;
}

/** For a session that nobody counts. */
export const noMeter: Meter = {
  admitResponse: async () => ({}),
  responseUsed() {},
  transcriptionUsed() {},
  rateLimits: () => [],
};

/** The usual length of a token of English text. */
const charactersPerToken = 4;

/** For as long as no tokenizer is there. */
export const roughTokens: TokenCounter = { count: (text) => Math.ceil(text.length / charactersPerToken) };

/** For a server that fetches nothing. */
export const noImages: ImageFetcher = {
  fetch: () => Promise.reject(new Error('This server fetches no images: send them as data: URLs.')),
};

/** For a server that runs no tools: all calls go to the client. */
export const noTools: ToolRunner = {
  tools: () => [],
  run: () => Promise.reject(new Error('This server runs no tools.')),
};
