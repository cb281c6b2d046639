import { extname } from 'node:path';
import type { Transferable } from 'node:worker_threads';
import { EngineError } from '../engine-error.ts';
import { PoolJob } from './pool-job.ts';
import { PoolWorker } from './pool-worker.ts';

export interface WorkerPoolOptions {
  /** Names the engine in errors. */
  engine: string;
  /** The worker's file: it calls `serveJobs`. */
  script: URL;
  /** Threads. */
  size: number;
  /** Jobs that may run in one thread at the same time (default 1). */
  jobsPerWorker?: number;
  /** Jobs that may wait; beyond, `run` throws. */
  queueLimit: number;
  workerData?: unknown;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Buffers of the request that are moved to the worker, not copied. */
  transfer?: readonly Transferable[];
  /** Goes on with work that has had its turn: it waits behind all jobs that do not. */
  patient?: boolean;
}

/**
 * A worker's file next to the one that asks for it, with that one's own extension: `.ts` where Node runs the
 * sources, `.js` in a build.
 */
export function workerScript(importMetaUrl: string, name: string): URL {
  return new URL(`./${name}${extname(importMetaUrl)}`, importMetaUrl);
}

/**
 * Threads that keep an engine's inference off the event loop. Jobs are served first come, first served, patient ones last. A
 * thread that ends by itself is replaced: the jobs in it fail with an error that names the engine, others carry on.
 */
export class WorkerPool<Request, Message> {
  /** Resolves when the first thread has loaded; the others load one after the other, behind it. Rejects when it cannot. */
  readonly ready: Promise<void>;
  readonly #options: WorkerPoolOptions;
  readonly #workers = new Set<PoolWorker<Request, Message>>();
  readonly #queue: PoolJob<Request, Message>[] = [];
  /** Jobs that let the others go first. */
  readonly #patient = new WeakSet<PoolJob<Request, Message>>();
  #lastJobId = 0;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.ready = this.#addWorker().ready;
    this.ready.catch(() => {});
  }

  /**
   * Runs a job when its messages are first asked for, and yields them as they come. Leaving the iteration
   * early abandons the job.
   * @throws {EngineError} when the job or its thread fails, the queue is full, or the pool is closed.
   * @throws the signal's reason once it aborts: a waiting job is removed, a running one is told and its results dropped.
   */
  async *run(
    request: Request,
    { signal, transfer = [], patient = false }: RunOptions = {},
  ): AsyncGenerator<Message, void, undefined> {
    signal?.throwIfAborted();
    const job = this.#enqueue(new PoolJob(++this.#lastJobId, request, transfer), patient);
    const abort = () => {
      job.fail(signal?.reason);
      this.#abandon(job);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for await (const message of job.messages()) {
        signal?.throwIfAborted();
        yield message;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      if (!signal?.aborted) this.#abandon(job);
    }
  }

  /** Runs a job that answers with one message. @throws as `run` does, and {EngineError} when there is no answer. */
  async request(request: Request, options?: RunOptions): Promise<Message> {
    for await (const message of this.run(request, options)) return message;
    throw new EngineError(this.#options.engine, 'a job ended without an answer');
  }

  /** Fails what runs and waits, and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    const closing = [...this.#workers].map((worker) => worker.close());
    this.#workers.clear();
    this.#failQueue(new EngineError(this.#options.engine, 'the engine has been closed'));
    await Promise.all(closing);
  }

  #enqueue(job: PoolJob<Request, Message>, patient: boolean): PoolJob<Request, Message> {
    const { engine, queueLimit } = this.#options;
    if (this.#closed) throw new EngineError(engine, 'the engine has been closed');
    if (this.#queue.length >= queueLimit) {
      throw new EngineError(
        engine,
        `too busy: ${queueLimit} jobs are waiting already. Try again, or add worker threads`,
      );
    }
    if (patient) this.#patient.add(job);
    const firstPatient = patient ? -1 : this.#queue.findIndex((waiting) => this.#patient.has(waiting));
    this.#queue.splice(firstPatient < 0 ? this.#queue.length : firstPatient, 0, job);
    if (this.#workers.size === 0) this.#addWorker();
    this.#dispatch();
    return job;
  }

  #dispatch(): void {
    const limit = this.#options.jobsPerWorker ?? 1;
    while (this.#queue.length > 0) {
      let free: PoolWorker<Request, Message> | undefined;
      for (const worker of this.#workers) {
        if (worker.isReady && worker.jobCount < limit && worker.jobCount < (free?.jobCount ?? limit)) free = worker;
      }
      const job = free && this.#queue.shift();
      if (!free || !job) return;
      try {
        free.start(job);
      } catch (error) {
        // A request that cannot be cloned or transferred concerns its own job only.
        job.fail(error);
      }
    }
  }

  #abandon(job: PoolJob<Request, Message>): void {
    const at = this.#queue.indexOf(job);
    if (at >= 0) this.#queue.splice(at, 1);
    else for (const worker of this.#workers) worker.abort(job);
  }

  #addWorker(): PoolWorker<Request, Message> {
    const { engine, script, workerData, size } = this.#options;
    const worker = new PoolWorker<Request, Message>({
      engine,
      script,
      workerData,
      onRoom: () => this.#dispatch(),
      onEnd: ({ wasReady }) => {
        this.#workers.delete(worker);
        // One that could not even load is not tried again until there is work for it.
        if (wasReady && !this.#closed) this.#addWorker();
      },
    });
    this.#workers.add(worker);
    worker.ready.then(
      () => {
        if (!this.#closed && this.#workers.size < size) this.#addWorker();
      },
      (error: unknown) => {
        if (this.#workers.size === 0) this.#failQueue(error);
      },
    );
    return worker;
  }

  #failQueue(error: unknown): void {
    for (const job of this.#queue.splice(0)) job.fail(error);
  }
}
