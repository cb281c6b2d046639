import type { EngineKind } from '../../session/ports/engines.ts';

/** What engines with something to load, to look for or to end have besides their port. */
export interface Lifecycle {
  readonly ready?: Promise<void>;
  /** Whether its server answers: rejects with what stands in the way. Asks for nothing that costs. */
  probe?(): Promise<void>;
  close?(): Promise<void>;
}

/** `idle`: it is loaded when it is first asked, and nothing waits for it. */
export type EngineState = 'idle' | 'loading' | 'ready' | 'failed';

export interface EngineStatus {
  readonly part: EngineKind;
  /** What does it. */
  readonly name: string;
  readonly state: EngineState;
  /** Milliseconds that loading took, or has taken so far. */
  readonly ms?: number;
  /** Why it failed, and what to do. */
  readonly error?: string;
  /** What could take its place. */
  readonly hint?: string;
}

/** What strangers may know of an engine: not where its server is, nor what an error says of this machine. */
export function publicStatus({ part, name, state, ms }: EngineStatus): EngineStatus {
  return { part, name: publicNameOf(name), state, ...(ms !== undefined && { ms }) };
}

/** The name of an engine without the address of its server and without paths; may be empty. */
export function publicNameOf(name: string): string {
  return name.replace(/(^| at )https?:.*$/, '').replace(/:.*$/, '');
}

export type ProgressListener = (status: EngineStatus) => void;

interface GroupMember {
  ready: Promise<void>;
  status(): EngineStatus;
  close(): Promise<void>;
}

/** Engines that were started: how each is, and the end of them all. */
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

  /** Resolves when all have loaded, rejects with the first one's error that cannot. */
  ready(): Promise<void> {
    const ready = Promise.all(this.#entries.map((entry) => entry.ready)).then(() => {});
    // Also told by `onProgress` and `describe`: who does not wait for it is not to crash by it.
    ready.catch(() => {});
    return ready;
  }

  describe(): readonly EngineStatus[] {
    return this.#entries.map((entry) => entry.status());
  }

  async close(): Promise<void> {
    await Promise.all(this.#entries.map((entry) => entry.close()));
  }

  #watch(part: EngineKind, name: string, engine: Lifecycle, startedAt: number): GroupMember {
    const took = () => Math.round(performance.now() - startedAt);
    let settled: EngineStatus | undefined;
    const settle = (state: EngineState, error?: string) => {
      settled = { part, name, state, ms: took(), ...(error !== undefined && { error }) };
      this.#onProgress?.(settled);
    };
    const status = () => settled ?? { part, name, state: 'loading' as const, ms: took() };
    const close = async () => engine.close?.();
    if (engine.ready === undefined) {
      settle('ready');
      return { ready: Promise.resolve(), status, close };
    }
    this.#onProgress?.(status());
    const ready = engine.ready.then(
      () => settle('ready'),
      (error: unknown) => {
        settle('failed', error instanceof Error ? error.message : String(error));
        throw error;
      },
    );
    ready.catch(() => {});
    return { ready, status, close };
  }
}
