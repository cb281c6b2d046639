/** The servers that are measured, each in a separate process. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Child } from '../dev/harness/child.ts';
import { restrict, waitedMs } from './capacity/processors.ts';
import type { FromServer, ServerKind, ServerMemory, ServerResources, ServerUsage, ToServer } from './server-process.ts';
import { type Tree, thisTree } from './tree.ts';

/** The key that opens the `keyed` server. */
export const benchKey = 'sk-bench-0123456789abcdef';

/** A server in a child process that reports what it uses. */
export class MeasuredServer {
  readonly wsUrl: string;
  readonly #child: Child<ToServer, FromServer>;

  private constructor(child: Child<ToServer, FromServer>, wsUrl: string) {
    this.#child = child;
    this.wsUrl = wsUrl;
  }

  /** Resolves once a turn can be taken. */
  static async start(kind: ServerKind, { serverProcess, nodeOptions }: Tree = thisTree): Promise<MeasuredServer> {
    const child = new Child<ToServer, FromServer>(serverProcess, [kind, benchKey], nodeOptions);
    const { wsUrl } = await child.next('ready');
    return new MeasuredServer(child, wsUrl);
  }

  /** Restricts the server to one processor; returns whether the system can do that. */
  pin(): boolean {
    return restrict(this.#child.pid, '0');
  }

  /** As `waitedMs` of its process. */
  get waitedMs(): number | undefined {
    return waitedMs(this.#child.pid);
  }

  /**
   * Measures usage over this number of milliseconds. With a resolution it also samples the event loop delay, which
   * costs some CPU time.
   */
  async measure(ms: number, eventLoopResolutionMs?: number): Promise<ServerUsage> {
    this.begin(eventLoopResolutionMs);
    await Promise.race([delay(ms), this.#child.ended]);
    return this.end();
  }

  begin(eventLoopResolutionMs?: number): void {
    this.#child.send({ type: 'begin', eventLoopResolutionMs });
  }

  /** Usage since `begin`. */
  async end(): Promise<ServerUsage> {
    this.#child.send({ type: 'end' });
    return (await this.#child.next('usage')).usage;
  }

  /**
   * Measured until it stops falling: V8 frees some array buffers and WebAssembly memories only with a collection after
   * the one that found them unused.
   */
  async memory(): Promise<ServerMemory> {
    for (let last = await this.#memory(); ; ) {
      const next = await this.#memory();
      if (next.heldMB > last.heldMB * 0.995) return next;
      last = next;
    }
  }

  /** Stops the server for seconds. */
  async resources(): Promise<ServerResources> {
    await this.memory();
    this.#child.send({ type: 'resources' });
    return (await this.#child.next('resources')).resources;
  }

  async #memory(): Promise<ServerMemory> {
    this.#child.send({ type: 'memory' });
    return (await this.#child.next('memory')).memory;
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}

const pollMs = 10;
const startTimeoutMs = 60_000;

/** Parley, started as a user does. */
export class ParleyProcess {
  readonly wsUrl: string;
  /** Time from just before the process started until it printed its address, and until /readyz answered 200. */
  readonly listeningMs: number;
  readonly readyMs: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, times: { url: string; listeningMs: number; readyMs: number }) {
    this.#process = process;
    this.wsUrl = `${times.url.replace('http', 'ws')}/v1/realtime`;
    this.listeningMs = times.listeningMs;
    this.readyMs = times.readyMs;
  }

  static async start({ startArguments, label }: Tree = thisTree): Promise<ParleyProcess> {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...startArguments, '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const deadline = AbortSignal.timeout(startTimeoutMs);
    try {
      const url = await announcedUrl(child, deadline);
      const listeningMs = performance.now() - startedAt;
      while ((await statusOf(`${url}/readyz`)) !== 200) await delay(pollMs, undefined, { signal: deadline });
      return new ParleyProcess(child, { url, listeningMs, readyMs: performance.now() - startedAt });
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`Parley did not start in ${label}: run \`npm start\` there to see why.`, { cause: error });
    }
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}

async function announcedUrl(child: ChildProcess, deadline: AbortSignal): Promise<string> {
  let output = '';
  const url = Promise.withResolvers<string>();
  child.stdout?.on('data', (data: Buffer) => {
    output += data.toString();
    const found = /Parley listening on (http\S+)/.exec(output)?.[1];
    if (found !== undefined) url.resolve(found);
  });
  child.on('exit', (code) => url.reject(new Error(`it ended with code ${code}`)));
  deadline.addEventListener('abort', () => url.reject(deadline.reason));
  return url.promise;
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}
