import { extname } from 'node:path';
import type { Transferable } from 'node:worker_threads';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import { EngineError } from '../engine-error.ts';
import { FairQueue, noClaim } from './fair-queue.ts';
import { PoolJob, PoolWorker } from './pool-worker.ts';
import { defaultQueueLimits, type QueueLimits } from './queue-limits.ts';

/** What a server gives all its pools. */
export interface PoolSurroundings {
  queue?: QueueLimits;
  clock?: Clock;
}

export interface WorkerPoolOptions extends PoolSurroundings {
  /** Names the engine in errors. */
  engine: string;
  /** The worker's file: it calls `serveJobs`. */
  script: URL;
  /** Threads. */
  size: number;
  /** Jobs that may run in one thread at the same time (default 1). */
  jobsPerWorker?: number;
  /** Where no thread is free, one that does less urgent work takes a live job as well: its handlers await `job.turn()`. */
  preemptible?: boolean;
  /** Whether a thread can be terminated while it computes. ONNX Runtime aborts the whole process then. */
  terminable?: boolean;
  workerData?: unknown;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Buffers of the request that are moved to the worker, not copied. */
  transfer?: readonly Transferable[];
  /** Who the job is for; absent: a live session of its own. */
  claim?: WorkClaim | undefined;
}

/**
 * A worker's file next to the one that asks for it, with that one's own extension: `.ts` where Node runs the
 * sources, `.js` in a build.
 */
export function workerScript(importMetaUrl: string, name: string): URL {
  return new URL(`./${name}${extname(importMetaUrl)}`, importMetaUrl);
}

/**
 * Threads that keep an engine's work off the event loop, and the one scheduler before them (`FairQueue`). A thread that
 * ends, or that does not let go of an abandoned job, is replaced: the jobs in it fail with an error that names the
 * engine, others carry on.
 */
export class WorkerPool<Request, Message> {
  /** Resolves when the first thread has loaded; the others load one after the other, behind it. Rejects when it cannot. */
  readonly ready: Promise<void>;
  readonly #options: WorkerPoolOptions;
  readonly #limits: QueueLimits;
  readonly #clock: Clock;
  readonly #workers = new Set<PoolWorker<Request, Message>>();
  /** Threads that were replaced and have not ended yet. */
  readonly #retired = new Set<PoolWorker<Request, Message>>();
  readonly #queue = new FairQueue<PoolJob<Request, Message>>();
  #lastJobId = 0;
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#limits = options.queue ?? defaultQueueLimits;
    this.#clock = options.clock ?? systemClock;
    this.ready = this.#addWorker().ready;
    this.ready.catch(() => {});
  }

  /**
   * Runs a job when its messages are first asked for, and yields them as they come. Leaving the iteration
   * early abandons the job.
   * @throws {EngineError} when the job or its thread fails or the pool is closed; `overloaded` when the queue is full
   * or the job has waited too long.
   * @throws the signal's reason once it aborts: a waiting job is removed, a running one is told and its results dropped.
   */
  async *run(
    request: Request,
    { signal, transfer = [], claim = noClaim }: RunOptions = {},
  ): AsyncGenerator<Message, void, undefined> {
    signal?.throwIfAborted();
    const job = new PoolJob<Request, Message>({ id: ++this.#lastJobId, request, transfer, claim });
    this.#enqueue(job);
    claim.adoption?.whenAdopted(() => this.#promote(job));
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
    const closing = [...this.#workers, ...this.#retired].map((worker) => worker.close());
    this.#workers.clear();
    this.#failQueue(new EngineError(this.#options.engine, 'the engine has been closed'));
    await Promise.all(closing);
  }

  #enqueue(job: PoolJob<Request, Message>): void {
    if (this.#closed) throw new EngineError(this.#options.engine, 'the engine has been closed');
    this.#queue.push(job);
    if (this.#workers.size === 0) this.#addWorker();
    this.#dispatch();
    if (job.started) return;
    const { jobs, waitMs } = this.#limits;
    if (this.#queue.size > jobs) {
      this.#queue.dropGreediest()?.fail(this.#overloaded(`${jobs} jobs wait for it already`));
      if (!this.#queue.has(job)) return;
    }
    const giveUp = () => {
      this.#queue.remove(job);
      job.fail(this.#overloaded(`the job has waited for ${waitMs / 1000} s`));
    };
    job.wait(waitMs === Number.POSITIVE_INFINITY ? () => {} : this.#clock.after(waitMs, giveUp));
  }

  /** A conversation waits for it now. */
  #promote(job: PoolJob<Request, Message>): void {
    if (!this.#queue.remove(job)) return;
    job.claim = { ...job.claim, priority: 'live' };
    this.#queue.push(job);
    this.#dispatch();
  }

  #overloaded(why: string): EngineError {
    const { engine } = this.#options;
    return new EngineError(engine, `too busy: ${why}. Try again, or add worker threads`, { overloaded: true });
  }

  #dispatch(): void {
    for (;;) {
      const worker = this.#freeWorker();
      const job = worker && this.#queue.shift();
      if (!worker || !job) return;
      job.endWait();
      try {
        worker.start(job);
      } catch (error) {
        // A request that cannot be cloned or transferred concerns its own job only.
        job.fail(error);
      }
    }
  }

  /** The least busy worker that can take the next job. */
  #freeWorker(): PoolWorker<Request, Message> | undefined {
    const { jobsPerWorker = 1, preemptible = false } = this.#options;
    const ready = [...this.#workers].filter(({ isReady }) => isReady).sort((a, b) => a.jobCount - b.jobCount);
    const [idlest] = ready;
    if (idlest && idlest.jobCount < jobsPerWorker) return idlest;
    if (!preemptible || this.#queue.nextPriority !== 'live') return undefined;
    return ready.find((worker) => worker.jobCount === jobsPerWorker && !worker.hasLiveJob);
  }

  #abandon(job: PoolJob<Request, Message>): void {
    job.endWait();
    if (this.#queue.remove(job)) return;
    for (const worker of this.#workers) worker.abort(job);
  }

  #addWorker(): PoolWorker<Request, Message> {
    const { engine, script, workerData, size, terminable = true } = this.#options;
    const worker = new PoolWorker<Request, Message>({
      engine,
      script,
      workerData,
      terminable,
      clock: this.#clock,
      onDone: (job, tookMs) => {
        this.#queue.finish(job, tookMs);
        this.#dispatch();
      },
      onRoom: () => this.#dispatch(),
      onStuck: () => this.#retire(worker),
      onEnd: ({ wasReady }) => {
        this.#workers.delete(worker);
        // One that could not even load is not tried again until there is work for it.
        if (wasReady && !this.#closed) this.#addWorker();
      },
      onExit: () => this.#retired.delete(worker),
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

  /** Replaces a thread that goes on with a job that nobody waits for. */
  #retire(worker: PoolWorker<Request, Message>): void {
    // Threads that cannot be terminated must not pile up: then the job's end is waited for.
    if (this.#closed || this.#retired.size >= this.#options.size) return;
    this.#workers.delete(worker);
    this.#retired.add(worker);
    worker.retire();
    this.#addWorker();
  }

  #failQueue(error: unknown): void {
    for (const job of this.#queue.clear()) job.fail(error);
  }
}
