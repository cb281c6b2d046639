import { WorkerPool, type WorkerPoolOptions } from './worker-pool.ts';

/** An engine that computes in its own worker threads. */
export class PooledEngine<Request, Message> {
  readonly ready: Promise<void>;
  protected readonly pool: WorkerPool<Request, Message>;

  constructor(options: WorkerPoolOptions) {
    this.pool = new WorkerPool(options);
    this.ready = this.pool.ready;
  }

  get overloaded(): boolean {
    return this.pool.overloaded;
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
