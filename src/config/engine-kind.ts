/** Parses engines, engine sets and model aliases. */

import { z } from 'zod';
import { isJsonObject, withoutAbsent } from '../core/json.ts';
import {
  acceptsPath,
  defaultSet,
  type EngineSetSpec,
  type EngineSpec,
  engineNames,
  type HttpEngineSpec,
  type ModelAlias,
  noServerText,
} from '../engines/spec/engine-spec.ts';
import { allKinds, type EngineKind, engineKinds, isRequestKind, requestKinds } from '../session/ports/engines.ts';
import { type Kind, type Read, structured } from './kinds.ts';
import { optionName } from './option.ts';
import { keyIn } from './upstream-kind.ts';

const keyPattern = /^[\x21-\x7e]{1,4096}$/;
const maxSets = 64;
const maxNames = 1024;

/** The fields of an engine set. */
export const setFields: readonly string[] = [
  ...[...requestKinds, ...allKinds.filter((kind) => !isRequestKind(kind))].map((kind) => engineKinds[kind].short),
  'voices',
  'fallbacks',
];

/** Finds a kind by its short name, the name of its option, or its key in a configuration object. */
function kindNamed(name: string): EngineKind | undefined {
  return allKinds.find((kind) => [engineKinds[kind].short, optionName(kind), kind].includes(name));
}

/** Fields that define the conversation and the format of the answer, which a configuration cannot replace. */
const reservedFields = ['model', 'messages', 'tools', 'stream', 'input', 'file', 'voice', 'response_format'];
const reservedHeaders: ReadonlySet<string> = new Set([
  'host',
  'content-type',
  'content-length',
  'transfer-encoding',
  'connection',
  'accept-encoding',
]);
const maxBodyCharacters = 64 * 1024;

const httpEngine = z.strictObject({
  url: z.string(),
  model: z.string().min(1).max(256).optional(),
  key: z.string().regex(keyPattern, 'a key without spaces').optional(),
  keyFile: z.string().optional(),
  keyEnv: z
    .string()
    .regex(/^\w{1,128}$/, 'the name of an environment variable')
    .optional(),
  body: z
    .record(z.string().max(128), z.json())
    .refine((body) => !reservedFields.some((field) => field in body), `${reservedFields.join(', ')} are Parley's`)
    .refine((body) => JSON.stringify(body).length <= maxBodyCharacters, `more than ${maxBodyCharacters} characters`)
    .optional(),
  headers: z
    .record(
      z.string().regex(/^[\w-]{1,128}$/, 'a name of a header'),
      z.string().regex(/^[\t\x20-\x7e]{0,4096}$/, 'a value of a header'),
    )
    .refine(
      (headers) => !Object.keys(headers).some((name) => reservedHeaders.has(name.toLowerCase())),
      "one of them is Parley's",
    )
    .optional(),
  format: z.enum(['wav', 'pcm']).optional(),
  sampleRate: z.int().min(4000).max(192_000).optional(),
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[a-z\d]{2,8})?$/i, 'a language, such as en')
    .optional(),
  prepare: z.boolean().optional(),
  thinks: z.boolean().optional(),
  audio: z.enum(['in', 'out', 'both']).optional(),
  spokenHint: z.string().max(10_000).optional(),
});

function readEngine(kind: EngineKind, raw: unknown): Read<EngineSpec> {
  if (typeof raw === 'string') return /^[a-z]+:\/\//i.test(raw) ? readUrl(kind, { url: raw }) : readName(kind, raw);
  const parsed = httpEngine.safeParse(camelCased(raw));
  if (!parsed.success) return { problem: issueOf(parsed.error) };
  return readUrl(kind, parsed.data);
}

/** `127.0.0.1:8000`, optionally with a path and a model, but without anything that may contain credentials. */
const addressPattern = /^(?<host>(?:[\w.-]+|\[[\da-f:]+\]):\d{1,5})(?<rest>(?:\/[\w./-]*)?(?:#[\w./:-]*)?)$/i;

function readName(kind: EngineKind, raw: string): Read<string> {
  const [name = '', ...path] = raw.split(':');
  const known = engineNames(kind).includes(name);
  if (known && path.length === 0) return { value: raw };
  if (known && acceptsPath(kind, name) && path.join(':') !== '') return { value: raw };
  const address = isRequestKind(kind) ? addressPattern.exec(raw)?.groups : undefined;
  if (address?.host !== undefined) {
    const path = /^\/[^#]/.test(address.rest ?? '') ? address.rest : `/v1${address.rest?.replace(/^\//, '')}`;
    return { problem: `There is no such engine. Did you mean http://${address.host}${path}?` };
  }
  const names = engineNames(kind).join(', ');
  return {
    problem: `There is no such engine; there are ${names}${isRequestKind(kind) ? ', or the URL of a server' : ''}`,
  };
}

function readUrl(kind: EngineKind, { keyFile, ...spec }: z.output<typeof httpEngine>): Read<HttpEngineSpec> {
  if (!isRequestKind(kind)) return { problem: noServerText(kind) };
  if (!URL.canParse(spec.url)) return { problem: 'This is no URL' };
  const url = new URL(spec.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { problem: 'A URL of an engine begins with http:// or https://' };
  const model = spec.model ?? (url.hash.length > 1 ? decodePercent(url.hash.slice(1)) : undefined);
  if (model === undefined && kind !== 'languageModel') {
    return { problem: 'The model is missing: put it behind the URL, as in http://127.0.0.1:8000/v1#whisper-small' };
  }
  url.hash = '';
  const key = spec.key ?? (keyFile === undefined ? undefined : keyIn(keyFile));
  if (keyFile !== undefined && key === undefined)
    return { problem: 'key-file is not a file that can be read and holds a key' };
  return { value: withoutAbsent({ ...spec, url: url.href, model, key }) };
}

/** One engine of a kind. */
export function engine(kind: EngineKind): Kind<EngineSpec> {
  return structured<EngineSpec>({
    placeholder: 'ENGINE',
    allowed: `${engineNames(kind).join(', ')}${isRequestKind(kind) ? ', or URL#model of a server that speaks the API of OpenAI' : ''}`,
    parse: (text) => text,
    read: (raw) => endSentence(readEngine(kind, raw)),
    print: (value) => (typeof value === 'string' ? value : value.url),
  });
}

const setFieldsText = `${setFields.slice(0, -1).join(', ')} and ${setFields.at(-1)}`;

function readSet(raw: unknown): Read<EngineSetSpec> {
  if (!isJsonObject(raw)) return { problem: `expected a mapping with ${setFieldsText}` };
  const set: EngineSetSpec = {};
  for (const [name, entry] of Object.entries(raw)) {
    if (entry === undefined) continue;
    const kind = kindNamed(name);
    if (kind !== undefined) {
      const result = readEngine(kind, entry);
      if ('problem' in result) return { problem: `${name}: ${result.problem}` };
      if (set[kind] !== undefined) return { problem: `${name}: it is given twice` };
      set[kind] = result.value;
    } else if (name === 'voices') {
      const result = readVoices(entry);
      if (result === undefined) return { problem: `voices: expected ${voicesText}` };
      set.voices = result;
    } else if (name === 'fallbacks') {
      const result = namesOf(entry);
      if (result === undefined) return { problem: `fallbacks: expected ${fallbacksText}` };
      set.fallbacks = result;
    } else {
      return { problem: `${name}: a set has ${setFieldsText}` };
    }
  }
  return { value: set };
}

/** Engine sets by name. */
export function engineSets(): Kind<Readonly<Record<string, EngineSetSpec>>> {
  return mapping('SETS', 'a mapping of names to sets of engines', (name, entry) => {
    if (name === defaultSet) return { problem: 'this is the name of the set that the other options make' };
    return readSet(entry);
  });
}

/** Aliases of models: the name of a set, or `{ engines, model }`. */
export function modelAliases(): Kind<Readonly<Record<string, ModelAlias>>> {
  const alias = z.strictObject({ engines: z.string().optional(), model: z.string().min(1).max(256).optional() });
  return mapping(
    'ALIASES',
    "a mapping of clients' names of models to { engines, model }, or to the name of a set",
    (_, entry): Read<ModelAlias> => {
      if (typeof entry === 'string') return { value: { engines: entry } };
      const parsed = alias.safeParse(entry);
      return parsed.success ? { value: parsed.data } : { problem: issueOf(parsed.error) };
    },
  );
}

const voicesText = "a mapping of clients' names of voices to the engine's; * stands for all others";
const fallbacksText = 'names of engine sets';

export function voiceAliases(): Kind<Readonly<Record<string, string>>> {
  return mapping(
    'VOICES',
    voicesText,
    (_, entry): Read<string> =>
      typeof entry === 'string' && entry !== '' && entry.length <= 256
        ? { value: entry }
        : { problem: 'expected a name' },
  );
}

/** A mapping, or JSON text. */
function mapping<T>(
  placeholder: string,
  allowed: string,
  readEntry: (name: string, entry: unknown) => Read<T>,
): Kind<Readonly<Record<string, T>>> {
  const most = placeholder === 'SETS' ? maxSets : maxNames;
  const read = (raw: unknown): Read<Record<string, T>> => {
    if (!isJsonObject(raw)) return { problem: 'It is no mapping' };
    const entries = Object.entries(raw);
    if (entries.length > most) return { problem: `There may be ${most} at most` };
    const made: [string, T][] = [];
    for (const [name, entry] of entries) {
      const result = readEntry(name, entry);
      if ('problem' in result) return { problem: `In ${name.slice(0, 128)}: ${result.problem}` };
      made.push([name, result.value]);
    }
    return { value: Object.fromEntries(made) };
  };
  return structured<Readonly<Record<string, T>>>({
    placeholder,
    allowed,
    read: (raw) => endSentence(read(raw)),
    print: (value) => Object.keys(value).join(','),
  });
}

function readVoices(entry: unknown): Readonly<Record<string, string>> | undefined {
  return voiceAliases().fromFile(entry);
}

function namesOf(entry: unknown): readonly string[] | undefined {
  const names = Array.isArray(entry) ? entry : [entry];
  return names.every((name) => typeof name === 'string' && name !== '') && names.length <= maxSets ? names : undefined;
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Ends the text of a problem. */
function endSentence<T>(read: Read<T>): Read<T> {
  if (!('problem' in read) || read.problem.endsWith('?')) return read;
  return { problem: `${read.problem}.` };
}

function issueOf({ issues: [issue] }: z.ZodError): string {
  if (issue === undefined) return 'it is not understood';
  if (issue.code === 'unrecognized_keys') return `${issue.keys.join(', ')} is not a field of an engine`;
  return `${issue.path.join('.') || 'it'}: ${issue.message}`;
}

/** Converts `key-env` to `keyEnv`. */
function camelCased(raw: unknown): unknown {
  if (!isJsonObject(raw)) return raw;
  return Object.fromEntries(
    Object.entries(raw).map(([key, value]) => [
      key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
