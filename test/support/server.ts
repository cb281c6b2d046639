import type { TestContext } from 'node:test';
import {
  type EngineSet,
  type Log,
  type ParleyServer,
  type ServerOptions,
  startServer,
} from '../../src/server/server.ts';
import { type FakeEngines, fakeEngines } from './fake-engines.ts';

/**
 * A server on a free port, closed at the end of the test. Fake engines by default, and no log.
 * Short default timeouts for closing, so that a terminated client is not waited for.
 */
export async function newServer(t: TestContext, options: ServerOptions = {}): Promise<ParleyServer> {
  const { config = {} } = options;
  const server = await startServer({
    engines: fakeEngineSet(),
    log: silentLog,
    ...options,
    config: { port: 0, ...config, limits: { closeGraceMs: 200, ...config.limits } },
  });
  t.after(() => server.close());
  return server;
}

/** Fake engines that are ready, in the form that a server accepts. */
export function fakeEngineSet(engines: FakeEngines = fakeEngines()): EngineSet {
  return {
    engines,
    ready: Promise.resolve(),
    describe: () => [{ part: 'transcriber', name: 'fake', state: 'ready', ms: 0 }],
    close: async () => {},
  };
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface LogEntry {
  level: keyof Log;
  event: string;
  details: object;
}

/** A log that records its entries, and reports when an event arrives. */
export class KeptLog implements Log {
  readonly entries: LogEntry[] = [];
  #watchers: { event: string; resolve: (entry: LogEntry) => void }[] = [];

  debug(event: string, details: object): void {
    this.#keep({ level: 'debug', event, details });
  }
  info(event: string, details: object): void {
    this.#keep({ level: 'info', event, details });
  }
  warn(event: string, details: object): void {
    this.#keep({ level: 'warn', event, details });
  }
  error(event: string, details: object): void {
    this.#keep({ level: 'error', event, details });
  }

  /** The first entry of an event, including earlier ones. */
  entry(event: string): Promise<LogEntry> {
    const kept = this.entries.find((entry) => entry.event === event);
    if (kept !== undefined) return Promise.resolve(kept);
    return new Promise((resolve) => this.#watchers.push({ event, resolve }));
  }

  #keep(entry: LogEntry): void {
    this.entries.push(entry);
    for (const { event, resolve } of this.#watchers) if (event === entry.event) resolve(entry);
  }
}
