import type { IdSource } from '../protocol/ids.ts';
import type { SessionType } from '../protocol/session-config.ts';
import type { Clock, Engines } from '../session/ports.ts';
import { Flite } from './flite/flite.ts';
import { Moonshine } from './moonshine/moonshine.ts';
import { Responder } from './responder/responder.ts';
import { Silero } from './silero/silero.ts';

/** What an engine may be given; each takes what concerns it. */
export interface EngineOptions {
  /** Worker threads of an embedded transcriber and of an embedded voice. Each engine has its own default. */
  transcriberWorkers?: number;
  voiceWorkers?: number;
  /** The time that the embedded language model tells. */
  now?: () => Date;
}

/** What engines with something to load or to end have besides their port. */
interface Lifecycle {
  readonly ready?: Promise<void>;
  close?(): Promise<void>;
}

export type EngineKind = keyof Engines;
type Factories = { [Kind in EngineKind]: Record<string, (options: EngineOptions) => Engines[Kind] & Lifecycle> };

/** Every engine by kind and name. */
const registry: Factories = {
  voiceActivity: {
    silero: () => new Silero(),
  },
  transcriber: {
    moonshine: ({ transcriberWorkers: workers }) => new Moonshine(workers === undefined ? {} : { workers }),
  },
  languageModel: {
    responder: ({ now }) => new Responder(now && { now }),
  },
  voice: {
    flite: ({ voiceWorkers: workers }) => new Flite(workers === undefined ? {} : { workers }),
  },
};

/** The set that works out of the box, by the name `embedded`. */
const embedded: Record<EngineKind, string> = {
  voiceActivity: 'silero',
  transcriber: 'moonshine',
  languageModel: 'responder',
  voice: 'flite',
};

export type EngineNames = Record<EngineKind, string>;
export type EngineState = 'loading' | 'ready' | 'failed';

export interface EngineStatus {
  /** What it is for: one of `EngineKind`. */
  readonly part: string;
  /** What does it. */
  readonly name: string;
  readonly state: EngineState;
  /** Milliseconds that loading took, or has taken so far. */
  readonly ms?: number;
  /** Why it failed, and what to do. */
  readonly error?: string;
}

/** What engines that are made for one session are told of it. */
export interface SessionContext {
  readonly type: SessionType;
  readonly model: string;
  readonly clock: Clock;
  /** Cuts the session's connections, without a word: for engines that test how clients take it. */
  readonly drop: () => void;
}

/** Engines of one session alone. */
export interface SessionEngines {
  readonly engines: Engines;
  /** The ids of this session, where they are to be the same in every run. */
  readonly ids?: IdSource;
  /** To be called when the session has ended. */
  close?(): void;
}

export interface EngineSet {
  readonly engines: Engines;
  /** For engines that follow a session (scripts, recordings): those of a new one. Absent: all share `engines`. */
  openSession?(context: SessionContext): SessionEngines;
  /** Resolves when every engine has loaded, rejects with the first one's error that cannot. Engines that are called before simply wait. */
  readonly ready: Promise<void>;
  /** The state of each engine now. */
  describe(): readonly EngineStatus[];
  /** Ends all threads; what runs fails. */
  close(): Promise<void>;
}

/** A set whose sessions get engines of their own. */
export function withSessions(set: EngineSet, openSession: NonNullable<EngineSet['openSession']>): EngineSet {
  return {
    engines: set.engines,
    ready: set.ready,
    openSession,
    describe: () => set.describe(),
    close: () => set.close(),
  };
}

export interface CreateEnginesOptions extends EngineOptions {
  /** Engines that are there already, by what they are for: none is made in their place. */
  given?: { readonly [Kind in EngineKind]?: { readonly name: string; readonly engine: Engines[Kind] & Lifecycle } };
  /** Called when an engine begins to load, and when it is ready or has failed. */
  onProgress?: (status: EngineStatus) => void;
}

/** The names that may be given for a kind of engine. */
export function engineNames(kind: EngineKind): string[] {
  return ['embedded', ...Object.keys(registry[kind])];
}

/**
 * Makes the engines with these names (`embedded` where none is given), and begins to load them. Returns at once.
 * @throws {RangeError} for a name that is not known, with those that are.
 */
export function createEngines(names: Partial<EngineNames> = {}, options: CreateEnginesOptions = {}): EngineSet {
  // All names are looked up before anything is started.
  const { given = {} } = options;
  const makers = {
    voiceActivity: maker('voiceActivity', names.voiceActivity, given.voiceActivity),
    transcriber: maker('transcriber', names.transcriber, given.transcriber),
    languageModel: maker('languageModel', names.languageModel, given.languageModel),
    voice: maker('voice', names.voice, given.voice),
  };
  const watched: Watched[] = [];
  const start = <Kind extends EngineKind>(kind: Kind, { name, make }: Maker<Kind>): Engines[Kind] => {
    const startedAt = performance.now();
    const engine = make(options);
    watched.push(watch(kind, name, engine, startedAt, options.onProgress));
    return engine;
  };
  const engines: Engines = {
    voiceActivity: start('voiceActivity', makers.voiceActivity),
    transcriber: start('transcriber', makers.transcriber),
    languageModel: start('languageModel', makers.languageModel),
    voice: start('voice', makers.voice),
  };
  const ready = Promise.all(watched.map((engine) => engine.ready)).then(() => {});
  // Also told by `onProgress` and `describe`: who does not wait for `ready` is not to crash by it.
  ready.catch(() => {});
  return {
    engines,
    ready,
    describe: () => watched.map((engine) => engine.status()),
    close: async () => {
      await Promise.all(watched.map((engine) => engine.close()));
    },
  };
}

interface Maker<Kind extends EngineKind> {
  name: string;
  make: (options: EngineOptions) => Engines[Kind] & Lifecycle;
}

function maker<Kind extends EngineKind>(
  kind: Kind,
  asked = 'embedded',
  given?: { name: string; engine: Engines[Kind] & Lifecycle },
): Maker<Kind> {
  if (given) return { name: given.name, make: () => given.engine };
  const name = asked === 'embedded' ? embedded[kind] : asked;
  const factories: Factories[Kind] = registry[kind];
  if (!Object.hasOwn(factories, name)) {
    throw new RangeError(`There is no ${kind} engine named '${asked}'. There are: ${engineNames(kind).join(', ')}`);
  }
  return { name, make: factories[name] as Maker<Kind>['make'] };
}

interface Watched {
  ready: Promise<void>;
  status(): EngineStatus;
  close(): Promise<void>;
}

function watch(
  part: EngineKind,
  name: string,
  engine: Lifecycle,
  startedAt: number,
  onProgress: CreateEnginesOptions['onProgress'],
): Watched {
  const took = () => Math.round(performance.now() - startedAt);
  let settled: EngineStatus | undefined;
  const settle = (state: EngineState, error?: string) => {
    settled = { part, name, state, ms: took(), ...(error !== undefined && { error }) };
    onProgress?.(settled);
  };
  const status = () => settled ?? { part, name, state: 'loading' as const, ms: took() };
  const close = async () => engine.close?.();
  if (engine.ready === undefined) {
    settle('ready');
    return { ready: Promise.resolve(), status, close };
  }
  onProgress?.(status());
  const ready = engine.ready.then(
    () => settle('ready'),
    (error: unknown) => {
      settle('failed', error instanceof Error ? error.message : String(error));
      throw error;
    },
  );
  return { ready, status, close };
}
