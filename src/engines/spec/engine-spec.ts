/** The configuration of engines. */

import { type EngineKind, engineKinds, type RequestKind } from '../../session/ports/engines.ts';

interface BuiltInEngines {
  /** The default engine, named `embedded`. */
  readonly embedded: string;
  /**
   * By name. `modelFiles`: it loads a model from a path, as in `name:PATH`; the names of the files in that folder, or none
   * where the path is itself the file.
   */
  readonly engines: Readonly<Record<string, { modelFiles?: readonly string[] }>>;
}

export const builtInEngines = {
  voiceActivity: { embedded: 'silero', engines: { silero: { modelFiles: [] } } },
  transcriber: {
    embedded: 'moonshine',
    engines: { moonshine: { modelFiles: ['encoder_model.onnx', 'decoder_model_merged.onnx'] } },
  },
  languageModel: { embedded: 'responder', engines: { responder: {}, auto: {} } },
  voice: { embedded: 'flite', engines: { flite: {} } },
} as const satisfies Record<EngineKind, BuiltInEngines>;

/** The names of built-in engines of a kind. */
export function engineNames(kind: EngineKind): string[] {
  return ['embedded', ...Object.keys(builtInEngines[kind].engines)];
}

/** Whether an engine of this name loads a model from a path: `name:PATH`. */
export function acceptsPath(kind: EngineKind, name: string): boolean {
  return modelFiles(kind, name) !== undefined;
}

/** The files that an engine loads from the folder of `name:PATH`; none where the path is itself the file. */
export function modelFiles(kind: EngineKind, name: string): readonly string[] | undefined {
  const { embedded, engines }: BuiltInEngines = builtInEngines[kind];
  const known = name === 'embedded' ? embedded : name;
  return Object.hasOwn(engines, known) ? engines[known]?.modelFiles : undefined;
}

export type KeyOption = `${(typeof engineKinds)[RequestKind]['short']}Key`;

/** The option with the key for the server of a kind. */
export function keyOption(kind: RequestKind): KeyOption {
  return `${engineKinds[kind].short}Key`;
}

/** The environment variable of that option. */
export function keyVariable(kind: RequestKind): string {
  return `PARLEY_${engineKinds[kind].short.toUpperCase()}_KEY`;
}

/** Why a kind of engine cannot be on a server. */
export function noServerText(kind: EngineKind): string {
  const { stage } = engineKinds[kind];
  return `${stage.charAt(0).toUpperCase()}${stage.slice(1)} runs inside the server: no URL can stand for it`;
}

/**
 * One engine: the name of a built-in one (`embedded`, `moonshine`), with the path of a model if it needs one
 * (`moonshine:models/base`), `auto` for a language model on this machine, or a server.
 */
export type EngineSpec = string | HttpEngineSpec;

/** A server with OpenAI's API. */
export interface HttpEngineSpec {
  /** Including the API version: `http://127.0.0.1:11434/v1`. */
  url: string;
  /** The server's name for the model. If absent, a language model is asked for the model that the client names. */
  model?: string;
  key?: string;
  /** The environment variable with the key. */
  keyEnv?: string;
  /** Fields that go into every request, in place of those that Parley would send. */
  body?: Readonly<Record<string, unknown>>;
  /** Headers that go with every request. */
  headers?: Readonly<Record<string, string>>;
  /** For a voice: the requested format, and the sample rate of raw PCM. */
  format?: 'wav' | 'pcm';
  sampleRate?: number;
  /** For a voice: the language that it speaks (ISO-639-1). Numbers, dates and signs then reach it in words. */
  language?: string;
  /** For a voice: false if it prepares text itself. */
  prepare?: boolean;
  /** For a language model: answers begin inside reasoning whose opening mark is in the prompt. */
  thinks?: boolean;
  /** For a language model: whether it has audio input, output, or both. */
  audio?: 'in' | 'out' | 'both';
  /** For a language model: text added to the instructions of spoken answers. */
  spokenHint?: string;
}

/** Engines that serve sessions together. Engines that a set does not name are those of the default set. */
export interface EngineSetSpec extends Partial<Record<EngineKind, EngineSpec>> {
  /** The engine's voice for a client's voice name; `*` stands for all others. */
  voices?: Readonly<Record<string, string>>;
  /** Sets whose engines answer if this set's engines fail, in order. */
  fallbacks?: readonly string[];
}

/** The meaning of a client's model name. */
export interface ModelAlias {
  /** The set; absent: the default one. */
  engines?: string;
  /** The server's name for the model, in place of the set's. */
  model?: string;
}

export interface EngineSetsSpec {
  default: EngineSetSpec;
  sets: Readonly<Record<string, EngineSetSpec>>;
  aliases: Readonly<Record<string, ModelAlias>>;
}

/** The name of the default set, for fallbacks and aliases. */
export const defaultSet = 'default';

/** An engine in the log, without credentials: `llama3.2 at http://127.0.0.1:11434/v1`. */
export function specName(spec: EngineSpec): string {
  if (typeof spec === 'string') return spec;
  const url = new URL(spec.url);
  const address = `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  return spec.model === undefined ? address : `${spec.model} at ${address}`;
}
