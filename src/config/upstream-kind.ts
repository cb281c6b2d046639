/** Parses upstreams. */

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { tryParseJson } from '../core/json.ts';
import type { UpstreamTarget } from '../upstream/link/target.ts';
import { type Kind, readBySchema, structured } from './kinds.ts';

/** The path of a URL without one. */
const realtimePath = '/v1/realtime';
const maxUpstreams = 64;
const urlText = 'an address such as wss://api.openai.com/v1/realtime, without a user, a password or a fragment';
const nameText = 'a name of 1 to 64 letters, digits, spaces, dots, dashes or underscores';
const keyText = 'a key without spaces';
const modelText = 'a name of at most 128 characters';

/** Only characters that a header can carry. An empty key means that the upstream takes none. */
const key = z.string(keyText).regex(/^[\x21-\x7e]{0,4096}$/, keyText);
const model = z.string(modelText).min(1, modelText).max(128, modelText);
const models = z.union(
  [
    z.record(model, model).transform((raw) => new Map(Object.entries(raw))),
    z.array(model).transform((names) => new Map(names.map((name) => [name, name]))),
  ],
  "a mapping of the clients' names of models to the upstream's, or a list of names",
);
const target = z.strictObject({
  name: z
    .string(nameText)
    .regex(/^[\w .-]{1,64}$/, nameText)
    .optional(),
  url: z.string(urlText).transform((text, context) => {
    const url = socketUrl(text);
    if (url !== undefined) return url;
    context.addIssue({ code: 'custom', message: urlText });
    return z.NEVER;
  }),
  key: key.optional(),
  'key-file': z
    .string('the path of a file')
    .transform((path, context) => {
      const read = keyIn(path);
      if (read !== undefined) return read;
      context.addIssue({ code: 'custom', message: 'the path of a file that can be read and holds a key' });
      return z.NEVER;
    })
    .optional(),
  'key-header': z.enum(['authorization', 'api-key'], 'authorization or api-key').optional(),
  models: models.optional(),
  transcription: z.boolean('true or false').optional(),
});
/** An upstream in a configuration file or in the options of `startServer`. */
export type UpstreamEntry = z.input<typeof target>;

const targets = z
  .preprocess(listOf, z.array(target, 'a list of upstreams').max(maxUpstreams))
  .transform((entries) => entries.map(toTarget));

function toTarget(entry: z.output<typeof target>): UpstreamTarget {
  const { name, url, models, transcription } = entry;
  const secret = entry['key-file'] ?? entry.key;
  return {
    name: name ?? new URL(url).hostname.replaceAll(/[^\w.-]/g, '-'),
    url,
    key: secret,
    keyHeader: entry['key-header'] ?? 'authorization',
    models,
    transcription: transcription ?? models === undefined,
  };
}

/** Upstreams: a list in a file (or a single one), a URL, or JSON text. */
export function upstreams(): Kind<readonly UpstreamTarget[]> {
  return structured<readonly UpstreamTarget[]>({
    placeholder: 'URL',
    allowed:
      'an address such as wss://api.openai.com/v1/realtime; in a file upstreams with url, name, key, key-file, key-header, models and transcription',
    parse: parseUpstreams,
    read: readBySchema(targets, (issue) => `At ${issue.path.join('.') || 'the top'}: ${problem(issue)}.`),
    print: (value) => value.map(({ name }) => name).join(','),
  });
}

/** A key with characters that a header can carry. */
export function secretKey(): Kind<string | undefined> {
  const read = (text: string) => (text === '' ? undefined : key.safeParse(text).data);
  return {
    placeholder: 'KEY',
    allowed: keyText,
    secret: true,
    repeatable: false,
    fromText: read,
    fromFile: (entry) => (typeof entry === 'string' ? read(entry) : undefined),
    print: () => '',
  };
}

function problem(issue: z.core.$ZodIssue): string {
  return issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ')} is not known` : `expected ${issue.message}`;
}

function listOf(entry: unknown): unknown[] {
  const list = Array.isArray(entry) ? entry : [entry];
  return list.map((each) => (typeof each === 'string' ? { url: each } : each));
}

function parseUpstreams(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text.split(',').map((url) => url.trim());
  return tryParseJson(text);
}

function socketUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text.replace(/^http/i, 'ws'));
  const fit = ['ws:', 'wss:'].includes(url.protocol) && url.hash === '' && url.username === '' && url.password === '';
  if (!fit) return undefined;
  if (url.pathname === '/' || /^\/v1\/?$/.test(url.pathname)) url.pathname = realtimePath;
  return url.href;
}

/** Reads a key from a file; undefined if it cannot be read or is empty. */
export function keyIn(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? undefined : key.safeParse(text).data;
  } catch {
    return undefined;
  }
}
