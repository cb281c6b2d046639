import { messageOf } from '../../core/errors.ts';
import type { EngineKind } from '../../session/ports/engines.ts';

/** Optional methods of engines that load, probe or close something. */
export interface Lifecycle {
  readonly ready?: Promise<void>;
  /** How long a server has been loading its model; undefined while it is not. */
  readonly loadingMs?: number | undefined;
  /** Whether conversations have had to wait too long for its threads, now or a moment ago. */
  readonly overloaded?: boolean;
  /** Checks whether its server answers, without costs; rejects with the reason if not. */
  probe?(): Promise<void>;
  /** Has its server load its model, if it may do so on demand; rejects with the reason if it fails. */
  load?(): Promise<void>;
  close?(): Promise<void>;
}

/** `idle`: loaded on first use, and not awaited. */
export type EngineState = 'idle' | 'loading' | 'ready' | 'failed';

export interface EngineStatus {
  readonly part: EngineKind;
  /** Description of the engine. */
  readonly name: string;
  readonly state: EngineState;
  /** Milliseconds that loading took, or has taken so far. */
  readonly ms?: number;
  /** Why it failed, and how to fix it. */
  readonly error?: string;
  /** A suggested replacement. */
  readonly hint?: string;
}

/** The public part of an engine's description, without server addresses and error messages. */
export function publicStatus({ part, name, state, ms }: EngineStatus): EngineStatus {
  return { part, name: publicNameOf(name), state, ms };
}

/** The name of an engine without the address of its server and without paths; may be empty. */
export function publicNameOf(name: string): string {
  return name.replace(/(^| at )https?:.*$/, '').replace(/:.*$/, '');
}

/** The name of each part, without addresses and paths; empty names are left out. */
export function publicNames(engines: readonly Pick<EngineStatus, 'part' | 'name'>[]): Record<string, string> {
  const names = engines.map(({ part, name }) => [part, publicNameOf(name)]);
  return Object.fromEntries(names.filter(([, name]) => name !== ''));
}

export type ProgressListener = (status: EngineStatus) => void;

interface GroupMember {
  ready: Promise<void>;
  status(): EngineStatus;
  isOverloaded(): boolean;
  close(): Promise<void>;
}

/** Started engines: their states, and closing them. */
export class EngineGroup {
  readonly #entries: GroupMember[] = [];
  readonly #onProgress: ProgressListener | undefined;

  constructor(onProgress: ProgressListener | undefined) {
    this.#onProgress = onProgress;
  }

  /** Starts an engine. */
  add<Engine extends Lifecycle>(part: EngineKind, name: string, start: () => Engine): Engine {
    const startedAt = performance.now();
    const engine = start();
    this.#entries.push(this.#watch(part, name, engine, startedAt));
    return engine;
  }

  /** Resolves when all have loaded; rejects with the first error. */
  ready(): Promise<void> {
    const ready = Promise.all(this.#entries.map((entry) => entry.ready)).then(() => {});
    // Also reported by `onProgress` and `describe`: an unawaited rejection must not end the process.
    ready.catch(() => {});
    return ready;
  }

  describe(): readonly EngineStatus[] {
    return this.#entries.map((entry) => entry.status());
  }

  get overloaded(): boolean {
    return this.#entries.some((entry) => entry.isOverloaded());
  }

  async close(): Promise<void> {
    await Promise.all(this.#entries.map((entry) => entry.close()));
  }

  #watch(part: EngineKind, name: string, engine: Lifecycle, startedAt: number): GroupMember {
    const took = () => Math.round(performance.now() - startedAt);
    let settled: EngineStatus | undefined;
    const settle = (state: EngineState, error?: string) => {
      settled = { part, name, state, ms: took(), error };
      this.#onProgress?.(settled);
    };
    const loading = (ms: number) => ({ part, name, state: 'loading' as const, ms });
    const status = () =>
      (engine.loadingMs === undefined ? undefined : loading(engine.loadingMs)) ?? settled ?? loading(took());
    const close = async () => engine.close?.();
    const isOverloaded = () => engine.overloaded ?? false;
    if (engine.ready === undefined) {
      settle('ready');
      return { ready: Promise.resolve(), status, isOverloaded, close };
    }
    this.#onProgress?.(status());
    const ready = engine.ready.then(
      () => settle('ready'),
      (error: unknown) => {
        settle('failed', messageOf(error));
        throw error;
      },
    );
    ready.catch(() => {});
    return { ready, status, isOverloaded, close };
  }
}
