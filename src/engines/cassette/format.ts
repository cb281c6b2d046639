/**
 * The format of a cassette: a folder with `manifest.json`, `events.jsonl` (a line for each request to an engine, for
 * each piece of its answer, and for its end) and WAV files with the audio, to which the lines refer.
 */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AudioClip } from '../../audio/audio-clip.ts';
import { samplesToBytes } from '../../audio/pcm.ts';
import { requestKinds } from '../../session/ports/engines.ts';

export const formatVersion = 1;
export const manifestFile = 'manifest.json';
export const eventsFile = 'events.jsonl';

const manifest = z.object({
  /** The version of this format. */
  cassette: z.literal(formatVersion),
  /** Of Parley. */
  version: z.string(),
  node: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  endedAt: z.string().optional(),
  type: z.enum(['realtime', 'transcription']),
  model: z.string(),
  engines: z.record(z.string(), z.string()),
  /** The names of the voice, where it told them. */
  voices: z.array(z.string()).optional(),
  hearsAudio: z.boolean().optional(),
  speaks: z.boolean().optional(),
  requests: z.number().optional(),
  /** Why the cassette breaks off before its session did. */
  cut: z.string().optional(),
});
export type Manifest = z.infer<typeof manifest>;
/** The first manifests had their version under `recording`. */
export const manifestSchema = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && 'recording' in value
      ? { ...value, cassette: value.recording }
      : value,
  manifest,
);

/** A part of a WAV file: samples from `start`. */
const audioReference = z.object({
  file: z.string().regex(/^[\w-]+\.wav$/),
  start: z.number().int().nonnegative(),
  samples: z.number().int().nonnegative(),
  sampleRateHz: z.number().int().positive(),
});
export type AudioReference = z.infer<typeof audioReference>;

const json = z.record(z.string(), z.unknown());
const id = z.number().int().positive();
/** Milliseconds since the session began, on its clock. */
const atMs = z.number();

/** What was asked: `request` is all of it, but the first `kept` items of a model's context are as in its request before. */
const requestLine = z.object({
  type: z.literal('request'),
  id,
  atMs,
  stage: z.enum(requestKinds),
  hash: z.string(),
  kept: z.number().int().nonnegative().optional(),
  request: json,
});
/** A piece of the answer; its samples, if it has any, stand in a file. */
const answerLine = z.object({ type: z.literal('answer'), id, atMs, answer: json, audio: audioReference.optional() });
const endLine = z.object({
  type: z.literal('end'),
  id,
  atMs,
  /** finished: the engine was done. failed: it threw. stopped: nobody wanted more of it. */
  how: z.enum(['finished', 'failed', 'stopped']),
  message: z.string().optional(),
});
export const lineSchema = z.discriminatedUnion('type', [requestLine, answerLine, endLine]);
export type Line = z.infer<typeof lineSchema>;
export type RequestLine = z.infer<typeof requestLine>;

/** SHA-256 of the samples as little-endian PCM. */
export function hashOfAudio({ samples }: AudioClip): string {
  return createHash('sha256').update(samplesToBytes(samples)).digest('hex');
}

/** SHA-256 of a request; the order of its keys does not matter. */
export function hashOf(request: unknown): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex');
}

/** JSON with sorted keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}

/** A cassette that cannot be made or played. */
export class CassetteError extends Error {
  override readonly name = 'CassetteError';
}
