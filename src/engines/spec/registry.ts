import type { Clock } from '../../core/clock.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import type { SessionType } from '../../protocol/wire/session-config.ts';
import type { EngineKind, Engines } from '../../session/ports/engines.ts';
import type { ToolRunner } from '../../session/ports/tool-runner.ts';
import type { ToolServers } from '../../session/ports/tool-servers.ts';
import { Flite } from '../embedded/flite/flite.ts';
import { Moonshine } from '../embedded/moonshine/moonshine.ts';
import { StandIn } from '../embedded/responder/stand-in.ts';
import { Silero } from '../embedded/silero/silero.ts';
import { AutoModel } from '../openai/auto-model.ts';
import { httpFactories, type RemoteOptions } from '../openai/http-engines.ts';
import type { PoolSurroundings } from '../pool/worker-pool.ts';
import { seededIds } from '../script/seeded-ids.ts';
import type { EngineStatus, Lifecycle, ProgressListener } from './engine-group.ts';
import {
  acceptsPath,
  builtInEngines,
  type EngineSpec,
  engineNames,
  type HttpEngineSpec,
  noServerText,
  specName,
} from './engine-spec.ts';

/** Options of engines; each uses those that concern it. */
export interface EngineOptions extends RemoteOptions {
  /** Worker threads of the embedded transcriber and voice. Each engine has its own default. */
  transcriberWorkers?: number;
  voiceWorkers?: number;
  /** Options shared by the worker pools of embedded engines. */
  pool?: PoolSurroundings;
  /** The clock of the embedded language model, for the time and date. */
  now?: () => Date;
  /** The user's model, for an embedded engine that accepts one. */
  modelPath?: string;
}

type Factory<Kind extends EngineKind> = (options: EngineOptions) => Engines[Kind] & Lifecycle;
type Factories = { [Kind in EngineKind]: Record<keyof (typeof builtInEngines)[Kind]['engines'], Factory<Kind>> };

/** Factories of the engines in `builtInEngines`. */
const registry: Factories = {
  voiceActivity: {
    silero: ({ modelPath }) => new Silero(modelPath === undefined ? {} : { modelPath }),
  },
  transcriber: {
    moonshine: ({ transcriberWorkers: workers, modelPath, pool }) => new Moonshine({ ...pool, workers, modelPath }),
  },
  languageModel: {
    responder: ({ now, pool }) => new StandIn({ ...pool, now }),
    auto: ({ now, pool, ...options }) => new AutoModel({ ...options, standIn: new StandIn({ ...pool, now }) }),
  },
  voice: {
    flite: ({ voiceWorkers: workers, pool }) => new Flite({ ...pool, workers }),
  },
};

/** Only for kinds that can be on a server. */
const serverFactories: {
  readonly [Kind in EngineKind]?: (spec: HttpEngineSpec, options: RemoteOptions) => Engines[Kind] & Lifecycle;
} = httpFactories;

export type { EngineState, EngineStatus, Lifecycle } from './engine-group.ts';

/** Parameters of engines that are created per session. */
export interface SessionContext {
  readonly type: SessionType;
  readonly model: string;
  readonly clock: Clock;
  /** Cuts the session's connections without a close frame, for tests of clients. */
  readonly drop: () => void;
  /** Called when the cassette of the session ends early; its conversation continues. */
  readonly cassetteCut: (about: { folder: string; reason: string }) => void;
}

/** Engines of a single session. */
export interface SessionEngines {
  readonly engines: Engines;
  /** The id generator of this session, if ids are the same in every run. */
  readonly ids?: IdSource;
  /** Whether requests are recorded or played back, so that none may be sent that could be dropped. */
  readonly recorded?: boolean;
  /** Wraps or replaces the server-side tools of this session, which `open` opens. */
  tools?(open: () => ToolRunner | undefined): ToolRunner | undefined;
  /** Wraps or replaces the MCP servers of this session. */
  toolServers?(servers: ToolServers): ToolServers;
  /** Call when the session has ended. */
  close?(): void;
}

/** As in `EngineStatus`. */
export type EngineNames = Readonly<Partial<Record<EngineKind, string>>>;

export interface EngineSet {
  readonly engines: Engines;
  /**
   * For engines that follow a session (scripts, cassettes): creates those of a new session. Absent: all share
   * `engines`.
   */
  openSession?(context: SessionContext): SessionEngines;
  /** Whether its sessions replay MCP servers, so that those of the configuration do not matter. */
  readonly replaysToolServers?: boolean;
  /** The engines that serve a client's model name; absent if all names have the same engines. */
  enginesFor?(model: string): Engines;
  /** The names of those engines; of an engine with fallbacks, its own. Absent as above. */
  namesFor?(model: string): EngineNames;
  /** Resolves when every engine has loaded; rejects with the first error. Calls before that wait. */
  readonly ready: Promise<void>;
  /** The current state of each engine. */
  describe(): readonly EngineStatus[];
  /** Whether conversations have had to wait too long for a thread of an engine, now or a moment ago. */
  readonly overloaded?: boolean;
  /** Ends all threads; running calls fail. */
  close(): Promise<void>;
}

/** The engines of a new session. */
export function openEngines(set: EngineSet, context: SessionContext): SessionEngines {
  return set.openSession?.(context) ?? { engines: set.enginesFor?.(context.model) ?? set.engines };
}

/** A set that creates engines per session, counted from 1. With a seed, ids are the same in every run. */
export function withSessions(
  set: EngineSet,
  openSession: (context: SessionContext, number: number) => SessionEngines,
  seed?: string,
): EngineSet {
  let sessions = 0;
  return {
    engines: set.engines,
    ready: set.ready,
    openSession(context) {
      sessions += 1;
      const own = openSession(context, sessions);
      return seed === undefined ? own : { ...own, ids: seededIds(seed, sessions) };
    },
    enginesFor: set.enginesFor,
    namesFor: set.namesFor,
    describe: () => set.describe(),
    get overloaded() {
      return set.overloaded ?? false;
    },
    close: () => set.close(),
  };
}

export interface CreateEnginesOptions extends EngineOptions {
  /** Existing engines by kind, which replace the configured ones. */
  given?: { readonly [Kind in EngineKind]?: { readonly name: string; readonly engine: Engines[Kind] & Lifecycle } };
  /** Called when an engine starts to load, and when it is ready or has failed. */
  onProgress?: ProgressListener;
}

export interface Maker<Kind extends EngineKind> {
  name: string;
  make: Factory<Kind>;
}

/**
 * The factory of an engine; nothing is started.
 * @throws {RangeError} for an unknown name, with the known ones
 */
export function maker<Kind extends EngineKind>(
  kind: Kind,
  spec: EngineSpec = 'embedded',
  given?: { name: string; engine: Engines[Kind] & Lifecycle },
): Maker<Kind> {
  if (given) return { name: given.name, make: () => given.engine };
  if (typeof spec !== 'string') {
    const onServer = serverFactories[kind];
    if (onServer === undefined) throw new RangeError(noServerText(kind));
    return { name: specName(spec), make: (options) => onServer(spec, options) };
  }
  const colon = spec.indexOf(':');
  const [first, path] = colon < 0 ? [spec, undefined] : [spec.slice(0, colon), spec.slice(colon + 1)];
  const name = first === 'embedded' ? builtInEngines[kind].embedded : first;
  const factories: Readonly<Record<string, Factory<Kind>>> = registry[kind];
  const factory = Object.hasOwn(factories, name) ? factories[name] : undefined;
  if (factory === undefined || (path !== undefined && !acceptsPath(kind, name))) {
    throw new RangeError(`There is no ${kind} engine named '${spec}'. There are: ${engineNames(kind).join(', ')}`);
  }
  if (path === undefined) return { name, make: factory };
  return { name: `${name}:${path}`, make: (options) => factory({ ...options, modelPath: path }) };
}
