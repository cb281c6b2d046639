/** Which engines a configuration asks for. */

import { type EngineKind, engineKinds, type RequestKind } from '../../session/ports/engines.ts';

interface BuiltInEngines {
  /** The one that works out of the box, by the name `embedded`. */
  readonly embedded: string;
  /** By name; `modelPath`: whether it loads a model from a path, as in `name:PATH`. */
  readonly engines: Readonly<Record<string, { modelPath: boolean }>>;
}

export const builtInEngines = {
  voiceActivity: { embedded: 'silero', engines: { silero: { modelPath: true } } },
  transcriber: { embedded: 'moonshine', engines: { moonshine: { modelPath: true } } },
  languageModel: { embedded: 'responder', engines: { responder: { modelPath: false }, auto: { modelPath: false } } },
  voice: { embedded: 'flite', engines: { flite: { modelPath: false } } },
} as const satisfies Record<EngineKind, BuiltInEngines>;

/** The names of built-in engines of a kind. */
export function engineNames(kind: EngineKind): string[] {
  return ['embedded', ...Object.keys(builtInEngines[kind].engines)];
}

/** Whether an engine of this name loads a model from a path: `name:PATH`. */
export function acceptsPath(kind: EngineKind, name: string): boolean {
  const { embedded, engines }: BuiltInEngines = builtInEngines[kind];
  const known = name === 'embedded' ? embedded : name;
  return Object.hasOwn(engines, known) && engines[known]?.modelPath === true;
}

export type KeyOption = `${(typeof engineKinds)[RequestKind]['short']}Key`;

/** The option with the key of the server that a kind's option names. */
export function keyOption(kind: RequestKind): KeyOption {
  return `${engineKinds[kind].short}Key`;
}

/** The environment's variable for that option. */
export function keyVariable(kind: RequestKind): string {
  return `PARLEY_${engineKinds[kind].short.toUpperCase()}_KEY`;
}

/** Why a URL cannot stand for an engine of a kind that answers no requests. */
export function noServerText(kind: EngineKind): string {
  const { stage } = engineKinds[kind];
  return `${stage.charAt(0).toUpperCase()}${stage.slice(1)} runs inside the server: no URL can stand for it`;
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
export interface EngineSetSpec extends Partial<Record<EngineKind, EngineSpec>> {
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
