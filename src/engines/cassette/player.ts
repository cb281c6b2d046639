import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AudioClip } from '../../audio/audio-clip.ts';
import { readWav } from '../../audio/wav.ts';
import { pause, rejectOnAbort } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { withoutAbsent } from '../../core/json.ts';
import { type Engines, engineKinds, type RequestKind } from '../../session/ports/engines.ts';
import type { ServerTool, ServerToolCall, ServerToolResult, ToolRunner } from '../../session/ports/tool-runner.ts';
import { ImportError, type ToolServer, type ToolServers } from '../../session/ports/tool-servers.ts';
import { whenAdopted } from '../../session/ports/work-claim.ts';
import { decorate, type EngineEvents, type EngineRequest, noWords } from '../decorate.ts';
import { EngineError } from '../engine-error.ts';
import { importAnswer, toolAnswer } from './answers.ts';
import { type AudioReference, hashOf, type RecordedStage } from './format.ts';
import type { Cassette, RecordedRequest } from './read-cassette.ts';
import { type AnswerPart, recordedKinds } from './recorded-kinds.ts';
import { difference, type Json } from './requests.ts';

export interface PlayerOptions {
  clock: Clock;
  /** Whether answers are delayed as recorded or sent immediately. */
  timing: 'recorded' | 'instant';
  /** Whether the user's audio must equal the recording, or only the turn counts. */
  audio: 'exact' | 'any';
}

/** Answers one session like the engines of a recorded session, as long as its requests match the recorded ones. */
export class Player {
  readonly #cassette: Cassette;
  readonly #options: PlayerOptions;
  readonly #hashes: ReadonlyMap<RecordedRequest, string>;
  readonly #played = new Set<RecordedRequest>();

  constructor(cassette: Cassette, options: PlayerOptions) {
    this.#cassette = cassette;
    this.#options = options;
    this.#hashes = new Map(cassette.requests.map((each) => [each, this.#recordedHash(each)]));
  }

  /** The engines of the cassette, and `others` for the kinds that it does not contain. */
  engines(others: Engines): Engines {
    const { voices, hearsAudio, speaks, preparesText, ...ofTranscriber } = this.#cassette.manifest;
    const { transcriptionSettings: settings, transcriptionLanguages: languages, followsTurns } = ofTranscriber;
    const traits = { voices, hearsAudio, speaks, preparesText, ...(followsTurns && { follow: noWords }) };
    const engines = decorate(others, (request) => this.#play(request), traits);
    return { ...engines, transcriber: { ...engines.transcriber, ...withoutAbsent({ settings, languages }) } };
  }

  /** The recorded server-side tools; undefined if there were none. */
  get toolRunner(): ToolRunner | undefined {
    if (this.#cassette.requests.every(({ tools }) => tools.length === 0)) return undefined;
    return { tools: () => this.#currentTools(), run: (call, signal) => this.#runTool(call, signal) };
  }

  /** The tools of the next request to the model. */
  #currentTools(): readonly ServerTool[] {
    const requests = this.#cassette.requests.filter(({ stage }) => stage === 'languageModel');
    return (requests.find((request) => !this.#played.has(request)) ?? requests.at(-1))?.tools ?? [];
  }

  /** The recorded MCP servers, by their labels. Nothing is connected. */
  get toolServers(): ToolServers {
    const imports = this.#cassette.requests.filter(({ stage }) => stage === 'import');
    return {
      isConfigured: (label) => imports.some(({ request }) => request.serverLabel === label),
      check: () => {},
      open: ({ server_label }) => this.#server(server_label),
    };
  }

  #server(serverLabel: string): ToolServer {
    let approval: ToolServer['approval'];
    return {
      get approval() {
        return approval;
      },
      listTools: async (signal) => {
        try {
          const answer = importAnswer.parse(await this.#answer('import', { serverLabel }, signal));
          approval = answer.approval;
          return answer.tools;
        } catch (error) {
          signal.throwIfAborted();
          throw new ImportError(messageOf(error));
        }
      },
      forgetTools: () => {},
      callTool: (call, signal) => this.#runTool({ serverLabel, ...call }, signal),
      close: () => {},
    };
  }

  async #runTool(call: ServerToolCall, signal: AbortSignal): Promise<ServerToolResult> {
    return toolAnswer.parse(await this.#answer('tool', { ...call }, signal));
  }

  async #answer(stage: 'tool' | 'import', request: Json, signal: AbortSignal): Promise<Json> {
    for await (const { answer } of this.#answers(stage, request, { signal })) return answer;
    throw new EngineError('cassette', `${this.#cassette.folder}: a tool has no recorded result.`);
  }

  async *#play<Kind extends RequestKind>({
    kind,
    content,
    work,
  }: EngineRequest<Kind>): AsyncGenerator<EngineEvents[Kind], void, undefined> {
    const recorded = recordedKinds[kind];
    const { settings, items } = recorded.request(content);
    const current = items ? { ...settings, items } : settings;
    // Words during speech are stopped at the end of their turn, so their recorded answer is complete.
    const complete = 'turn' in content;
    for await (const part of this.#answers(kind, current, work, complete)) {
      await recorded.reached?.(part, content);
      yield recorded.join(part);
    }
  }

  async *#answers(
    stage: RecordedStage,
    current: Json,
    { signal, claim }: EngineRequest<RequestKind>['work'],
    complete = false,
  ): AsyncGenerator<AnswerPart, void, undefined> {
    signal.throwIfAborted();
    const { clock } = this.#options;
    const request = this.#find(stage, current);
    whenAdopted(claim, () => this.#played.add(request));
    const startedAt = clock.now();
    const files = new Map<string, AudioClip>();
    const reached = async (atMs: number) => {
      if (this.#options.timing === 'recorded') {
        await pause(startedAt + atMs - request.atMs - clock.now(), clock, signal);
      }
      signal.throwIfAborted();
    };
    for (const { atMs, answer, audio } of request.answers) {
      const clip = audio && (await this.#clip(audio, files));
      await reached(atMs);
      yield { answer, clip };
    }
    const { atMs, how, message } = request.end;
    await reached(atMs);
    if (how === 'failed') throw new Error(message);
    // The recorded answer was interrupted here, so its continuation is unknown.
    if (how === 'stopped' && !complete) await rejectOnAbort(signal);
  }

  async #clip(
    { file, start, samples, sampleRateHz }: AudioReference,
    files: Map<string, AudioClip>,
  ): Promise<AudioClip> {
    const whole = files.get(file) ?? readWav(await readFile(join(this.#cassette.folder, file)));
    files.set(file, whole);
    if (whole.sampleRateHz !== sampleRateHz || whole.samples.length < start + samples) {
      throw new EngineError('cassette', `${join(this.#cassette.folder, file)} is not the file that was recorded.`);
    }
    return { samples: whole.samples.slice(start, start + samples), sampleRateHz };
  }

  /**
   * The recorded request that matches: the first equal one that has not been played, otherwise the last one.
   * @throws {EngineError} with the difference
   */
  #find(stage: RecordedStage, current: Json): RecordedRequest {
    const all = this.#cassette.requests.filter((request) => request.stage === stage);
    const hash = hashOf(this.#comparable(current));
    const alike = all.filter((request) => this.#hashes.get(request) === hash);
    const byTurn = stage === 'transcriber' && this.#options.audio === 'any';
    const found = alike.find((request) => !this.#played.has(request)) ?? (byTurn ? undefined : lastRequest(alike));
    if (found === undefined) throw this.#mismatchError(stage, current, all);
    return found;
  }

  #mismatchError(stage: RecordedStage, current: Json, all: readonly RecordedRequest[]): EngineError {
    const { folder, manifest } = this.#cassette;
    const name = stage === 'tool' ? 'tool runner' : stage === 'import' ? 'MCP server' : engineKinds[stage].words;
    const waiting = all.filter((request) => !this.#played.has(request));
    const nearest = waiting.find(({ request }) => sizeOf(request) === sizeOf(current)) ?? waiting[0];
    const cut = manifest.cut === undefined ? '' : ` The recording stopped early: ${manifest.cut}.`;
    if (nearest === undefined) {
      const times = all.length === 1 ? 'once' : `${all.length} times`;
      return new EngineError(
        'cassette',
        `${folder}: the ${name} was asked ${times} here, and is now asked once more.${cut}`,
      );
    }
    const differs =
      difference(this.#comparable(nearest.request), this.#comparable(current)) ?? 'no recorded property differs';
    const hint =
      stage === 'transcriber' && this.#options.audio === 'exact'
        ? " To play each turn whatever it sounds like, name the cassette in a script file, with 'audio: any'."
        : '';
    return new EngineError(
      'cassette',
      `${folder}: the ${name} was not asked this when it was recorded. Compared with request ${nearest.id}: ${differs}.${hint}${cut}`,
    );
  }

  #recordedHash({ hash, request }: RecordedRequest): string {
    return this.#options.audio === 'exact' ? hash : hashOf(this.#comparable(request));
  }

  /** The part of a request that must match. */
  #comparable(request: Json): unknown {
    return this.#options.audio === 'exact' ? request : withoutSound(request);
  }
}

/** The last request that was answered completely, if any. */
function lastRequest(alike: readonly RecordedRequest[]): RecordedRequest | undefined {
  return alike.findLast(({ end }) => end.how !== 'stopped') ?? alike.at(-1);
}

/** The position in the conversation of a request to a model. */
function sizeOf({ items }: Json): number {
  return Array.isArray(items) ? items.length : 0;
}

function withoutSound(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSound);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'audio' && key !== 'clip');
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutSound(inner)]));
}
