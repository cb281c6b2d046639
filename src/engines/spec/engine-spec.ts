/** Which engines a configuration asks for. */

import type { Engines } from '../../session/ports/engines.ts';

export type EngineKind = keyof Engines;

/** Every built-in engine by kind and name; `modelPath`: whether it loads a model from a path, as in `name:PATH`. */
export const builtInEngines = {
  voiceActivity: { silero: { modelPath: true } },
  transcriber: { moonshine: { modelPath: true } },
  languageModel: { responder: { modelPath: false }, auto: { modelPath: false } },
  voice: { flite: { modelPath: false } },
} as const satisfies Record<EngineKind, Record<string, { modelPath: boolean }>>;

/** The set that works out of the box, by the name `embedded`. */
export const embeddedEngines: Readonly<Record<EngineKind, string>> = {
  voiceActivity: 'silero',
  transcriber: 'moonshine',
  languageModel: 'responder',
  voice: 'flite',
};

/** The names of built-in engines of a kind. */
export function engineNames(kind: EngineKind): string[] {
  return ['embedded', ...Object.keys(builtInEngines[kind])];
}

/** Whether an engine of this name loads a model from a path: `name:PATH`. */
export function acceptsPath(kind: EngineKind, name: string): boolean {
  const engines: Readonly<Record<string, { modelPath: boolean }>> = builtInEngines[kind];
  const known = name === 'embedded' ? embeddedEngines[kind] : name;
  return Object.hasOwn(engines, known) && engines[known]?.modelPath === true;
}

/**
 * One engine: the name of one that is built in (`embedded`, `moonshine`), with the path of a model where it takes one
 * (`moonshine:models/base`), `auto` for a language model that runs on this machine, or where a server is.
 */
export type EngineSpec = string | HttpEngineSpec;

/** A server that speaks OpenAI's API. */
export interface HttpEngineSpec {
  /** As far as the API's version: `http://127.0.0.1:11434/v1`. */
  url: string;
  /** The server's name of the model. A language model without one is asked for the model that the client names. */
  model?: string;
  key?: string;
  /** The environment's variable that holds the key. */
  keyEnv?: string;
  /** Of a voice: what to ask for, and the rate of bare PCM. */
  format?: 'wav' | 'pcm';
  sampleRate?: number;
  /** Of a language model: whether it takes audio, answers with it, or both. */
  audio?: 'in' | 'out' | 'both';
  /** Of a language model: what is added to the instructions of an answer that is spoken. */
  spokenHint?: string;
}

/** Engines that serve sessions together. What a set does not name is as in the default one. */
export interface EngineSetSpec {
  voiceActivity?: EngineSpec;
  transcriber?: EngineSpec;
  languageModel?: EngineSpec;
  voice?: EngineSpec;
  /** The engine's voice for a name that clients know; `*` stands for all others. */
  voices?: Readonly<Record<string, string>>;
  /** Sets whose engines answer when this one's do not, in order. */
  fallbacks?: readonly string[];
}

/** What a client's name of a model stands for. */
export interface ModelAlias {
  /** The set; absent: the default one. */
  engines?: string;
  /** The server's name of the model, in the place of the one that the set has. */
  model?: string;
}

export interface EngineSetsSpec {
  default: EngineSetSpec;
  sets: Readonly<Record<string, EngineSetSpec>>;
  aliases: Readonly<Record<string, ModelAlias>>;
}

/** The name of the default set, where another one falls back to it or an alias stands for it. */
export const defaultSet = 'default';

/** An engine as it is called in the log, without any credentials: `llama3.2 at http://127.0.0.1:11434/v1`. */
export function specName(spec: EngineSpec): string {
  if (typeof spec === 'string') return spec;
  const url = new URL(spec.url);
  const address = `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  return spec.model === undefined ? address : `${spec.model} at ${address}`;
}
