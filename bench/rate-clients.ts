import { Child } from '../dev/harness/child.ts';
import type { FromRateClient, RateJob } from './rate-client.ts';

/** Clients in a child process that do one job after the other. */
export class RateClients {
  readonly #child = new Child<RateJob, FromRateClient>(new URL('./rate-client.ts', import.meta.url));

  /** Resolves with how long the job took, in milliseconds; `onStreaming` is awaited when appends begin. */
  async run(job: RateJob, onStreaming?: () => void): Promise<number> {
    this.#child.send(job);
    if (onStreaming) await this.#next('streaming').then(onStreaming);
    return (await this.#next('done')).ms;
  }

  async #next<Type extends 'done' | 'streaming'>(type: Type): Promise<Extract<FromRateClient, { type: Type }>> {
    const failed = this.#child.next('failed').then(({ reason }) => {
      throw new Error(reason);
    });
    failed.catch(() => {});
    return Promise.race([this.#child.next(type), failed]);
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
