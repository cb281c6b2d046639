/** Parley as a user starts it, in a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const pollMs = 10;
const startTimeoutMs = 60_000;

export class ParleyProcess {
  readonly wsUrl: string;
  /** From just before the process was made, until it printed that it listens, and until /readyz answered 200. */
  readonly listeningMs: number;
  readonly readyMs: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, times: { url: string; listeningMs: number; readyMs: number }) {
    this.#process = process;
    this.wsUrl = `${times.url.replace('http', 'ws')}/v1/realtime`;
    this.listeningMs = times.listeningMs;
    this.readyMs = times.readyMs;
  }

  static async start(): Promise<ParleyProcess> {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [main, 'serve', '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const deadline = AbortSignal.timeout(startTimeoutMs);
    try {
      const url = await announcedUrl(child, deadline);
      const listeningMs = performance.now() - startedAt;
      while ((await statusOf(`${url}/readyz`)) !== 200) await delay(pollMs, undefined, { signal: deadline });
      return new ParleyProcess(child, { url, listeningMs, readyMs: performance.now() - startedAt });
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error('Parley did not start: run `npm start` to see why.', { cause: error });
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
