import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import type { ServerTool } from '../../session/ports/tool-runner.ts';
import { answerSchemas } from './answers.ts';
import {
  CassetteError,
  eventsFile,
  type Line,
  lineSchema,
  type Manifest,
  manifestFile,
  manifestSchema,
  type RecordedStage,
  type RequestLine,
} from './format.ts';
import type { Json } from './requests.ts';

/** A request of a recorded session, and its answer. */
export interface RecordedRequest {
  readonly id: number;
  readonly stage: RecordedStage;
  readonly atMs: number;
  readonly hash: string;
  /** The complete request, including every item for a model. */
  readonly request: Json;
  /** The server-side tools at that time. */
  readonly tools: readonly ServerTool[];
  readonly answers: Extract<Line, { type: 'answer' }>[];
  end: Omit<Extract<Line, { type: 'end' }>, 'type' | 'id'>;
}

export interface Cassette {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly requests: readonly RecordedRequest[];
}

const maxFileBytes = 1024 ** 3;
const maxSessions = 10_000;

/**
 * The cassettes in a folder: the folder itself if it is one, otherwise those of its sessions, in order of their start.
 * @throws {CassetteError} when there is none, or one cannot be read
 */
export function readCassettes(folder: string): Cassette[] {
  if (existsSync(join(folder, manifestFile))) return [readCassette(folder)];
  const inside = list(folder).filter((name) => existsSync(join(folder, name, manifestFile)));
  if (inside.length === 0)
    throw new CassetteError(
      `${folder}: there is no cassette here: it has neither ${manifestFile} nor a folder with one.`,
    );
  if (inside.length > maxSessions)
    throw new CassetteError(`${folder}: there are more than ${maxSessions} cassettes here.`);
  return inside.sort().map((name) => readCassette(join(folder, name)));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const detail = messageOf(error);
    throw new CassetteError(`${folder}: this cassette cannot be read: ${detail}`);
  }
}

function readCassette(folder: string): Cassette {
  const manifestPath = join(folder, manifestFile);
  const manifest = manifestSchema.safeParse(parseJson(readText(manifestPath), manifestPath));
  if (!manifest.success) throw new CassetteError(`${manifestPath}: ${firstIssue(manifest.error)}`);
  const eventsPath = join(folder, eventsFile);
  const requests = new Map<number, RecordedRequest>();
  let items: unknown[] = [];
  let tools: readonly ServerTool[] = [];
  for (const [index, text] of readText(eventsPath).split('\n').entries()) {
    if (text === '') continue;
    const place = `${eventsPath}:${index + 1}`;
    const line = lineSchema.safeParse(parseJson(text, place));
    if (!line.success) throw new CassetteError(`${place}: ${firstIssue(line.error)}`);
    if (line.data.type === 'tools') {
      tools = line.data.tools;
    } else if (line.data.type === 'request') {
      const request = restoreRequest(line.data, items);
      if (Array.isArray(request.items)) items = request.items;
      requests.set(line.data.id, newRequest(line.data, request, tools));
    } else {
      addTo(requests, line.data, { folder, place });
    }
  }
  return { folder, manifest: manifest.data, requests: [...requests.values()] };
}

/** Restores the items that equal those of the previous request. */
function restoreRequest({ request, kept = 0 }: RequestLine, items: readonly unknown[]): Json {
  return Array.isArray(request.items) ? { ...request, items: [...items.slice(0, kept), ...request.items] } : request;
}

function newRequest(
  { id, stage, atMs, hash }: RequestLine,
  request: Json,
  tools: readonly ServerTool[],
): RecordedRequest {
  // A request without an end was running when the recording stopped.
  return { id, stage, atMs, hash, request, tools, answers: [], end: { atMs, how: 'stopped' } };
}

function addTo(
  requests: ReadonlyMap<number, RecordedRequest>,
  line: Extract<Line, { type: 'answer' | 'end' }>,
  { folder, place }: { folder: string; place: string },
): void {
  const request = requests.get(line.id);
  if (request === undefined) throw new CassetteError(`${place}: there is no request ${line.id} before this line.`);
  if (line.type === 'end') {
    const { type: _type, id: _id, ...end } = line;
    request.end = end;
    return;
  }
  if (line.audio && !existsSync(join(folder, line.audio.file))) {
    throw new CassetteError(`${place}: the file ${line.audio.file} is missing.`);
  }
  const answer = answerSchemas[request.stage].safeParse(line.answer);
  if (!answer.success) throw new CassetteError(`${place}: answer.${firstIssue(answer.error)}`);
  request.answers.push(line);
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > maxFileBytes) throw new CassetteError(`${path}: this file has ${size} bytes; ${maxFileBytes} are read.`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof CassetteError) throw error;
    const detail = messageOf(error);
    throw new CassetteError(`${path}: this cassette cannot be read: ${detail}`);
  }
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const detail = messageOf(error);
    throw new CassetteError(`${place}: this is not JSON: ${detail}`);
  }
}

function firstIssue({ issues }: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }): string {
  const [issue] = issues;
  return `${issue?.path.join('.')}: ${issue?.message}`;
}
