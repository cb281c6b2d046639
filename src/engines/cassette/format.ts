/**
 * The format of a cassette: a folder with `manifest.json`, `events.jsonl` (a line for each request to an engine, for
 * each part of its answer, and for its end) and WAV files with the audio, which the lines refer to.
 */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AudioClip } from '../../audio/audio-clip.ts';
import { samplesToBytes } from '../../audio/pcm.ts';
import { requestKinds } from '../../session/ports/engines.ts';
import { transcriptionSettings } from '../../session/ports/transcriber.ts';

export const formatVersion = 1;
export const manifestFile = 'manifest.json';
export const eventsFile = 'events.jsonl';

const manifest = z.object({
  /** The version of this format. */
  cassette: z.literal(formatVersion),
  /** The version of Parley. */
  version: z.string(),
  node: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  endedAt: z.string().optional(),
  type: z.enum(['realtime', 'transcription']),
  model: z.string(),
  engines: z.record(z.string(), z.string()),
  /** The voice's names, if it lists them. */
  voices: z.array(z.string()).optional(),
  hearsAudio: z.boolean().optional(),
  speaks: z.boolean().optional(),
  /** Whether the voice prepares text itself. */
  preparesText: z.boolean().optional(),
  /** The settings and languages that the transcriber supports, if known, and whether it follows open turns. */
  transcriptionSettings: z.array(z.enum(transcriptionSettings)).optional(),
  transcriptionLanguages: z.array(z.string()).optional(),
  followsTurns: z.boolean().optional(),
  requests: z.number().optional(),
  /** Why the recording stopped before the session ended. */
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

/** Requests to engines, calls of server-side tools, and imports of the tools of MCP servers. */
export const recordedStages = [...requestKinds, 'tool', 'import'] as const;
export type RecordedStage = (typeof recordedStages)[number];

const json = z.record(z.string(), z.unknown());
const id = z.number().int().positive();
/** Milliseconds since the session started, on its clock. */
const atMs = z.number();

/**
 * A request. If `kept` is set, the first `kept` items of the model's context equal those of its previous request and
 * are omitted.
 */
const requestLine = z.object({
  type: z.literal('request'),
  id,
  atMs,
  stage: z.enum(recordedStages),
  hash: z.string(),
  kept: z.number().int().nonnegative().optional(),
  request: json,
});
/** A part of an answer; its samples, if any, are in a file. */
const answerLine = z.object({ type: z.literal('answer'), id, atMs, answer: json, audio: audioReference.optional() });
const endLine = z.object({
  type: z.literal('end'),
  id,
  atMs,
  /** finished: the engine ended. failed: it threw. stopped: the consumer stopped reading. */
  how: z.enum(['finished', 'failed', 'stopped']),
  message: z.string().optional(),
});
/** The server-side tools of the model's requests from here on. */
const toolsLine = z.object({
  type: z.literal('tools'),
  tools: z.array(
    z.object({
      serverLabel: z.string(),
      name: z.string(),
      description: z.string().optional(),
      parameters: z.unknown().optional(),
    }),
  ),
});
export const lineSchema = z.discriminatedUnion('type', [requestLine, answerLine, endLine, toolsLine]);
export type Line = z.infer<typeof lineSchema>;
export type RequestLine = z.infer<typeof requestLine>;

/** SHA-256 of the samples as little-endian PCM. */
export function hashOfAudio({ samples }: AudioClip): string {
  return createHash('sha256').update(samplesToBytes(samples)).digest('hex');
}

/** SHA-256 of a request, independent of the order of its keys. */
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

/** A cassette that cannot be written or played. */
export class CassetteError extends Error {
  override readonly name = 'CassetteError';
}
