import { type PoolSurroundings, WorkerPool, workerScript } from '../engines/pool/worker-pool.ts';
import type { WorkClaim } from '../session/ports/work-claim.ts';
import { transferable } from '../transport/websocket/heavy-frames.ts';
import type { HeavyMessageReader } from '../upstream/link/connection.ts';
import type { ReadMessage, ReadRequest } from './upstream-reader-worker.ts';

/** Reads large messages of upstreams in a worker, which starts on first use. Each connection has one message there at a time. */
export class UpstreamReader {
  readonly #surroundings: PoolSurroundings;
  #pool: WorkerPool<ReadRequest, ReadMessage> | undefined;

  constructor(surroundings: PoolSurroundings) {
    this.#surroundings = surroundings;
  }

  /** The reader of one session. It rejects with an `EngineError` when the worker fails or its queue is full. */
  readerFor(claim: WorkClaim): HeavyMessageReader {
    return (message, secret) => {
      this.#pool ??= new WorkerPool({
        ...this.#surroundings,
        engine: 'Upstream message reader',
        script: workerScript(import.meta.url, 'upstream-reader-worker'),
        size: 1,
      });
      const { bytes, transfer } = transferable(message);
      return this.#pool.request({ bytes, secret }, { transfer, claim });
    };
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}
