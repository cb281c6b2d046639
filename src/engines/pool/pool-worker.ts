import { Worker } from 'node:worker_threads';
import { EngineError } from '../engine-error.ts';
import type { PoolJob } from './pool-job.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

export interface PoolWorkerOptions {
  engine: string;
  script: URL;
  workerData: unknown;
  /** A job of this worker is over, or the worker has ended: there is room for another. */
  onRoom: () => void;
  /** The worker has ended without having been told to; its jobs have failed already. */
  onEnd: (worker: { readonly wasReady: boolean }) => void;
}

/** How long a thread may take to let go of its jobs, or to load, before it is ended as it is. */
const closeDeadlineMs = 10_000;

/** One thread of a pool and the jobs that run in it. */
export class PoolWorker<Request, Message> {
  /** Resolves when the worker has loaded its model; rejects when it cannot. */
  readonly ready: Promise<void>;
  readonly #engine: string;
  readonly #thread: Worker;
  readonly #jobs = new Map<number, PoolJob<Request, Message>>();
  readonly #options: PoolWorkerOptions;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #isReady = false;
  #ended = false;
  #closing = false;

  constructor(options: PoolWorkerOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.ready = this.#loaded.promise;
    this.ready.catch(() => {});
    this.#thread = new Worker(options.script, { workerData: options.workerData });
    this.#thread.on('message', (message: FromWorker<Message>) => this.#receive(message));
    this.#thread.on('messageerror', (error) => this.#end(`a message could not be read (${error.message})`));
    this.#thread.on('error', (error) => this.#end(error instanceof Error ? error.message : String(error)));
    this.#thread.on('exit', (code) => {
      this.#exited.resolve();
      this.#end(`its thread ended with code ${code}`);
    });
  }

  get isReady(): boolean {
    return this.#isReady && !this.#ended;
  }

  get jobCount(): number {
    return this.#jobs.size;
  }

  /** @throws when the request cannot be cloned. */
  start(job: PoolJob<Request, Message>): void {
    const message: ToWorker<Request> = { type: 'job', id: job.id, request: job.request };
    this.#thread.postMessage(message, job.transfer);
    this.#jobs.set(job.id, job);
  }

  /** Tells the thread that nobody waits for this job. It keeps its place until the thread has let go of it. */
  abort(job: PoolJob<Request, Message>): void {
    if (!this.#jobs.has(job.id)) return;
    const message: ToWorker<Request> = { type: 'abort', id: job.id };
    this.#thread.postMessage(message);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#end('the engine has been closed');
    // ONNX Runtime aborts the process when its thread is terminated while it loads or computes.
    const message: ToWorker<Request> = { type: 'close' };
    this.#thread.postMessage(message);
    const timer = setTimeout(() => void this.#thread.terminate(), closeDeadlineMs);
    await this.#exited.promise;
    clearTimeout(timer);
  }

  #receive(message: FromWorker<Message>): void {
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        this.#loaded.resolve();
        this.#options.onRoom();
        break;
      case 'failed':
        this.#end(message.reason);
        break;
      case 'message':
        this.#jobs.get(message.id)?.add(message.message);
        break;
      case 'done':
        this.#take(message.id)?.finish();
        this.#options.onRoom();
        break;
      case 'error':
        this.#take(message.id)?.fail(new EngineError(this.#engine, message.reason));
        this.#options.onRoom();
        break;
    }
  }

  #take(id: number): PoolJob<Request, Message> | undefined {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    return job;
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const what = this.#closing ? reason : this.#isReady ? `the worker stopped: ${reason}` : reason;
    const error = new EngineError(this.#engine, what);
    for (const job of this.#jobs.values()) job.fail(error);
    this.#jobs.clear();
    this.#loaded.reject(error);
    if (this.#closing) return;
    void this.#thread.terminate();
    this.#options.onEnd({ wasReady: this.#isReady });
  }
}
