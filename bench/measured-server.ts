import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../dev/harness/child.ts';
import type { FromServer, ServerKind, ServerMemory, ServerUsage, ToServer } from './server-process.ts';

/** A server in a child process that reports what it uses. */
export class MeasuredServer {
  readonly wsUrl: string;
  readonly #child: Child<ToServer, FromServer>;

  private constructor(child: Child<ToServer, FromServer>, wsUrl: string) {
    this.#child = child;
    this.wsUrl = wsUrl;
  }

  /** Resolves once it can take a turn. */
  static async start(kind: ServerKind): Promise<MeasuredServer> {
    const child = new Child<ToServer, FromServer>(new URL('./server-process.ts', import.meta.url), [kind]);
    const { wsUrl } = await child.next('ready');
    return new MeasuredServer(child, wsUrl);
  }

  /** What it uses during so many milliseconds from now. Its event loop is watched where a resolution is given: that itself costs some time. */
  async measure(ms: number, eventLoopResolutionMs?: number): Promise<ServerUsage> {
    this.begin(eventLoopResolutionMs);
    await Promise.race([delay(ms), this.#child.ended]);
    return this.end();
  }

  begin(eventLoopResolutionMs?: number): void {
    this.#child.send({ type: 'begin', eventLoopResolutionMs });
  }

  /** What it has used since `begin`. */
  async end(): Promise<ServerUsage> {
    this.#child.send({ type: 'end' });
    return (await this.#child.next('usage')).usage;
  }

  /** What it uses now. */
  async memory(): Promise<ServerMemory> {
    this.#child.send({ type: 'memory' });
    return (await this.#child.next('memory')).memory;
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
