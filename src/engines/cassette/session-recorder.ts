import type { AudioClip } from '../../audio/audio-clip.ts';
import { concatSamples } from '../../audio/pcm.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Engines, RequestKind } from '../../session/ports/engines.ts';
import type { ServerTool, ToolRunner } from '../../session/ports/tool-runner.ts';
import type { ToolServer, ToolServers } from '../../session/ports/tool-servers.ts';
import { type WorkClaim, whenAdopted } from '../../session/ports/work-claim.ts';
import { decorate, type EngineEvents, type EngineRequest } from '../decorate.ts';
import { answerSchemas } from './answers.ts';
import { type AudioReference, canonicalJson, hashOf, type Line, type RecordedStage } from './format.ts';
import { recordedKinds } from './recorded-kinds.ts';
import type { Json } from './requests.ts';
import type { SessionWriter } from './session-writer.ts';

type Ending = Extract<Line, { type: 'end' }>['how'];

/**
 * Records the requests to the engines of one session, the imports and calls of its server-side tools, and the answers,
 * transparently to the callers.
 */
export class SessionRecorder {
  readonly engines: Engines;
  readonly #writer: SessionWriter;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #running = new Map<number, () => void>();
  #requests = 0;
  /** The items of the last request to the model, as JSON. */
  #items: readonly string[] = [];
  /** The tools of the next request to the model. */
  #tools: readonly ServerTool[] = [];
  /** The tools of the last request, as JSON. */
  #writtenTools = '[]';

  constructor(engines: Engines, writer: SessionWriter, clock: Clock) {
    this.#writer = writer;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.engines = decorate(engines, (request) => this.#record(request, engines[request.kind]));
  }

  /** The number of requests so far. */
  get requests(): number {
    return this.#requests;
  }

  /** The same tools, with their calls recorded. */
  tools(runner: ToolRunner): ToolRunner {
    return {
      tools: () => {
        this.#tools = runner.tools();
        return this.#tools;
      },
      run: (call, signal) => this.#ask('tool', { ...call }, signal, () => runner.run(call, signal)),
      close: () => runner.close?.(),
    };
  }

  /** The same MCP servers, with their imports and calls recorded, but neither addresses nor secrets. */
  servers(servers: ToolServers): ToolServers {
    return {
      isConfigured: (label) => servers.isConfigured(label),
      check: (definition, path) => servers.check(definition, path),
      open: (definition, changed) => this.#server(servers.open(definition, changed), definition.server_label),
    };
  }

  #server(server: ToolServer, serverLabel: string): ToolServer {
    const list = async (signal: AbortSignal) => ({
      tools: await server.listTools(signal),
      approval: server.approval,
    });
    return {
      get approval() {
        return server.approval;
      },
      listTools: async (signal) => (await this.#ask('import', { serverLabel }, signal, () => list(signal))).tools,
      forgetTools: () => server.forgetTools(),
      callTool: (call, signal) =>
        this.#ask('tool', { serverLabel, ...call }, signal, () => server.callTool(call, signal)),
      close: () => server.close(),
    };
  }

  async #ask<Answer>(
    stage: 'tool' | 'import',
    request: Json,
    signal: AbortSignal,
    answerOf: () => Promise<Answer>,
  ): Promise<Answer> {
    const id = this.#request(stage, this.#now(), request);
    const end = (how: Ending, message?: string) => {
      if (this.#running.delete(id)) this.#writer.line({ type: 'end', id, atMs: this.#now(), how, message });
    };
    this.#running.set(id, () => end('stopped'));
    try {
      const result = await answerOf();
      // Runners are third-party code; a result that cannot be read back is a failure, as it is in the session.
      const answer = answerSchemas[stage].safeParse(result);
      if (answer.error) end('failed', answer.error.message);
      else if (this.#running.has(id)) this.#writer.line({ type: 'answer', id, atMs: this.#now(), answer: answer.data });
      end('finished');
      return result;
    } catch (error) {
      end(signal.aborted ? 'stopped' : 'failed', messageOf(error));
      throw error;
    }
  }

  #request(stage: RecordedStage, atMs: number, settings: Json, items?: Json[]): number {
    this.#requests += 1;
    const id = this.#requests;
    const whole = items ? { ...settings, items } : settings;
    const line = { type: 'request', id, atMs, stage, hash: hashOf(whole) } as const;
    if (items === undefined) {
      this.#writer.line({ ...line, request: whole });
      return id;
    }
    const tools = canonicalJson(this.#tools);
    if (tools !== this.#writtenTools)
      this.#writer.line({ type: 'tools', tools: this.#tools.map((tool) => ({ ...tool })) });
    this.#writtenTools = tools;
    const texts = items.map(canonicalJson);
    const changed = texts.findIndex((text, index) => text !== this.#items[index]);
    const kept = changed === -1 ? texts.length : changed;
    this.#items = texts;
    this.#writer.line({ ...line, kept, request: { ...settings, items: items.slice(kept) } });
    return id;
  }

  /** Ends running requests, because the session has ended. */
  end(): void {
    for (const stop of [...this.#running.values()]) stop();
  }

  /**
   * Yields the engine's events. Their audio is collected and written at the end, one file per sample rate. Speculative
   * work is written when it is adopted, with its original times; work that is dropped is not written.
   */
  async *#record<Kind extends RequestKind>(
    { kind, content, work, send }: EngineRequest<Kind>,
    engine: Engines[Kind],
  ): AsyncGenerator<EngineEvents[Kind], void, undefined> {
    const { signal, claim } = work;
    const recorded = recordedKinds[kind];
    // The answer has no reader, so playback does not need it.
    if (signal.aborted) return yield* send(engine);
    const write = writeOnceAdopted(claim);
    const take = { id: 0, sound: new AnswerAudio('') };
    const end = (how: Ending, message?: string) => {
      const atMs = this.#now();
      write(() => {
        const { id, sound } = take;
        if (!this.#running.delete(id)) return;
        for (const [file, clip] of sound.files()) this.#writer.audio(file, clip);
        this.#writer.line({ type: 'end', id, atMs, how, message });
      });
    };
    const startedAt = this.#now();
    write(() => {
      const { settings, items, clip } = recorded.request(content);
      take.id = this.#request(kind, startedAt, settings, items);
      if (clip) this.#writer.audio(`${formatId(take.id)}-heard.wav`, clip);
      take.sound = new AnswerAudio(`${formatId(take.id)}-spoken`);
      this.#running.set(take.id, () => end('stopped'));
    });
    try {
      for await (const event of send(engine)) {
        const { answer, clip, last } = recorded.split(event, content);
        const atMs = this.#now();
        // Copied because the engine owns the buffer.
        const samples = clip?.samples.slice();
        write(() => {
          const { id, sound } = take;
          if (samples && !this.#writer.hasRoomFor(sound.bytes + 2 * samples.length)) return;
          const audio = clip && samples && sound.add({ ...clip, samples });
          this.#writer.line({ type: 'answer', id, atMs, answer, audio });
        });
        // The consumer may stop reading after the final event.
        if (last) end('finished');
        yield event;
      }
      end('finished');
    } catch (error) {
      if (!signal.aborted) end('failed', messageOf(error));
      throw error;
    } finally {
      end('stopped');
    }
  }

  #now(): number {
    return Math.round((this.#clock.now() - this.#startedAt) * 1000) / 1000;
  }
}

/** Runs writes in order: immediately, or for speculative work, once it is adopted. */
function writeOnceAdopted(claim: WorkClaim | undefined): (act: () => void) => void {
  const held: (() => void)[] = [];
  let adopted = false;
  whenAdopted(claim, () => {
    adopted = true;
    for (const act of held.splice(0)) act();
  });
  return (act) => {
    if (adopted) act();
    else held.push(act);
  };
}

/** The audio of one answer, by sample rate. */
class AnswerAudio {
  readonly #name: string;
  readonly #runs = new Map<number, { length: number; parts: Int16Array[] }>();
  bytes = 0;

  constructor(name: string) {
    this.#name = name;
  }

  add({ samples, sampleRateHz }: AudioClip): AudioReference {
    const run = this.#runs.get(sampleRateHz) ?? { length: 0, parts: [] };
    this.#runs.set(sampleRateHz, run);
    const start = run.length;
    run.parts.push(samples);
    run.length += samples.length;
    this.bytes += 2 * samples.length;
    return { file: this.#file(sampleRateHz), start, samples: samples.length, sampleRateHz };
  }

  files(): [string, AudioClip][] {
    return Array.from(this.#runs, ([sampleRateHz, { parts }]) => [
      this.#file(sampleRateHz),
      { samples: concatSamples(parts), sampleRateHz },
    ]);
  }

  #file(sampleRateHz: number): string {
    return `${this.#name}-${sampleRateHz}.wav`;
  }
}

/** Padded so that files sort in the order of the requests. */
function formatId(id: number): string {
  return String(id).padStart(4, '0');
}
