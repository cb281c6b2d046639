/** Callers of a server in another process, and the two servers that are compared. */

import { Child } from '../../dev/harness/child.ts';
import type { ServerKind } from '../server-process.ts';
import { MeasuredServer } from '../servers.ts';
import type { FromCallers, Received, ToCallers } from './call-process.ts';

const callProcess = new URL('./call-process.ts', import.meta.url);

export class Callers {
  readonly #child = new Child<ToCallers, FromCallers>(callProcess);
  readonly #url: string;

  constructor({ wsUrl }: MeasuredServer) {
    this.#url = `${wsUrl.replace('ws', 'http')}/calls`;
  }

  /** Opens more calls; resolves with the milliseconds from each offer to the first event. */
  open(calls: number, atOnce = 1): Promise<number[]> {
    return this.#request({ type: 'open', url: this.#url, calls, atOnce }, 'opened').then(({ ms }) => ms);
  }

  /** All calls stream these samples (24 kHz) from now on, repeated, instead of a quiet room. */
  async stream(samples: Int16Array): Promise<void> {
    await this.#request({ type: 'stream', samples }, 'streaming');
  }

  ask(question: Int16Array): Promise<number> {
    return this.#request({ type: 'ask', question }, 'answered').then(({ ms }) => ms);
  }

  /** The packets and turns that all open calls have received since the last request. */
  count(): Promise<Received> {
    return this.#request({ type: 'count' }, 'counted').then(({ received }) => received);
  }

  async hangUp(): Promise<void> {
    await this.#request({ type: 'close' }, 'closed');
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  #request<T extends FromCallers['type']>(message: ToCallers, answer: T) {
    const answered = this.#child.next(answer);
    this.#child.send(message);
    return answered;
  }
}

export interface Called {
  server: MeasuredServer;
  callers: Callers;
}

/** Starts a bare peer and Parley, each with callers. */
export async function withServers<T>(kind: ServerKind, use: (bare: Called, parley: Called) => Promise<T>): Promise<T> {
  const servers = [await MeasuredServer.start('bare-peer'), await MeasuredServer.start(kind)] as const;
  const [bare, parley] = [
    { server: servers[0], callers: new Callers(servers[0]) },
    { server: servers[1], callers: new Callers(servers[1]) },
  ];
  try {
    return await use(bare, parley);
  } finally {
    await Promise.all([bare.callers.close(), parley.callers.close(), ...servers.map((server) => server.close())]);
  }
}
