import { extname } from 'node:path';
import type { Transferable } from 'node:worker_threads';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import { EngineError } from '../engine-error.ts';
import { FairQueue, noClaim } from './fair-queue.ts';
import { PoolJob, PoolWorker } from './pool-worker.ts';
import { defaultPartialShare, defaultQueueLimits, type QueueLimits } from './queue-limits.ts';

/** Time without long waits after which an overload is over. */
const overloadRestMs = 5000;

/** Options shared by all pools of a server. */
export interface PoolSurroundings {
  queue?: QueueLimits;
  clock?: Clock;
  /** Maximum share of the threads' time for jobs of priority `partial`, 0…1. At most one of them runs at a time. */
  partialShare?: number;
}

export interface WorkerPoolOptions extends PoolSurroundings {
  /** Name of the engine in errors. */
  engine: string;
  /** The worker's file, which calls `serveJobs`. */
  script: URL;
  /** Number of threads. */
  size: number;
  /** Maximum number of concurrent jobs per thread (default 1). */
  jobsPerWorker?: number;
  /**
   * If no thread is free, a thread with less urgent work also takes the next job. Its handlers must await `job.turn()`.
   */
  preemptible?: boolean;
  /** Whether a thread can be terminated during a computation. ONNX Runtime aborts the process in that case. */
  terminable?: boolean;
  workerData?: unknown;
}

export interface RunOptions<Request> {
  signal?: AbortSignal;
  /** Makes a newer request when a thread takes the job, in place of `request`. */
  renew?: () => Request;
  /** Buffers of the request to transfer to the worker instead of copying. */
  transfer?: readonly Transferable[];
  /** Identifies the key and session that the job belongs to. Defaults to a new session with live priority. */
  claim?: WorkClaim | undefined;
  /** Estimated thread time: of a key's jobs, shorter ones are first. */
  expectedMs?: number;
}

/**
 * The URL of a worker's file beside the calling module, with the same extension: `.ts` when Node runs the sources,
 * `.js` in a build.
 */
export function workerScript(importMetaUrl: string, name: string): URL {
  return new URL(`./${name}${extname(importMetaUrl)}`, importMetaUrl);
}

/**
 * Threads that keep an engine's work off the event loop, with one scheduler (`FairQueue`). A thread that exits, or is
 * stuck in an abandoned job, is replaced: its jobs fail with an error that names the engine, other jobs are not
 * affected.
 */
export class WorkerPool<Request, Message> {
  /** Resolves when the first thread has loaded; the others then load one by one. Rejects if it cannot load. */
  readonly ready: Promise<void>;
  readonly #options: WorkerPoolOptions;
  readonly #limits: QueueLimits;
  readonly #clock: Clock;
  readonly #workers = new Set<PoolWorker<Request, Message>>();
  /** Replaced threads that have not exited yet. */
  readonly #retired = new Set<PoolWorker<Request, Message>>();
  readonly #queue = new FairQueue<PoolJob<Request, Message>>(
    (priority) => priority !== 'partial' || this.#mayStartPartial,
  );
  #overloadedUntil = Number.NEGATIVE_INFINITY;
  /** The last partial job has used up its share of the threads' time. */
  #partialsRest = false;
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
   * Runs a job when iteration starts, and yields its messages as they arrive. Leaving the iteration early abandons the
   * job.
   * @throws {EngineError} when the job or its thread fails or the pool is closed; `overloaded` when the queue is full
   * or the job has waited too long.
   * @throws the signal's reason once it aborts: a waiting job is removed; a running one is notified and its results
   * dropped.
   */
  async *run(
    request: Request,
    { signal, renew = () => request, transfer = [], claim = noClaim, expectedMs }: RunOptions<Request> = {},
  ): AsyncGenerator<Message, void, undefined> {
    signal?.throwIfAborted();
    const job = new PoolJob<Request, Message>({ id: ++this.#lastJobId, request: renew, transfer, claim, expectedMs });
    this.#enqueue(job);
    claim.adoption?.whenAdopted(() => this.#promote(job));
    const abort = () => {
      job.fail(signal?.reason);
      this.#abandon(job);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for await (const message of job.messages) {
        signal?.throwIfAborted();
        yield message;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      if (!signal?.aborted) this.#abandon(job);
    }
  }

  /** Runs a job that answers with one message. @throws as `run`, and {EngineError} when there is no answer. */
  async request(request: Request, options?: RunOptions<Request>): Promise<Message> {
    for await (const message of this.run(request, options)) return message;
    throw new EngineError(this.#options.engine, 'a job ended without an answer');
  }

  /** A job of a conversation has waited longer than `overloadMs`, now or within `overloadRestMs`. */
  get overloaded(): boolean {
    return this.#clock.now() < this.#overloadedUntil;
  }

  /** Fails all running and waiting jobs, and ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    const closing = [...this.#workers, ...this.#retired].map((worker) => worker.close());
    this.#workers.clear();
    this.#failQueue(new EngineError(this.#options.engine, 'the engine has been closed'));
    await Promise.all(closing);
  }

  #enqueue(job: PoolJob<Request, Message>): void {
    if (this.#closed) throw new EngineError(this.#options.engine, 'the engine has been closed');
    const { priority } = job.claim;
    if (priority === 'speculation' && (this.overloaded || this.#queue.nextPriority === 'live')) {
      throw this.#overloadError('conversations wait for it');
    }
    this.#queue.push(job);
    if (this.#workers.size === 0) this.#addWorker();
    this.#dispatch();
    if (job.started) return;
    const { jobs, waitMs, overloadMs } = this.#limits;
    if (this.#queue.size > jobs) {
      this.#queue.dropGreediest()?.fail(this.#overloadError(`${jobs} jobs wait for it already`));
      if (!this.#queue.has(job)) return;
    }
    const giveUp = () => {
      this.#queue.remove(job);
      job.fail(this.#overloadError(`the job has waited for ${waitMs / 1000} s`));
    };
    const timers = [
      ...(waitMs === Number.POSITIVE_INFINITY ? [] : [this.#clock.after(waitMs, giveUp)]),
      ...(priority === 'live' ? [this.#clock.after(overloadMs, () => this.#noteOverload())] : []),
    ];
    job.wait(() => {
      for (const cancel of timers) cancel();
    });
  }

  /** Loading is no overload. */
  #noteOverload(): void {
    if (![...this.#workers].some(({ isReady }) => isReady)) return;
    this.#overloadedUntil = this.#clock.now() + overloadRestMs;
  }

  /** A conversation is waiting for it. */
  #promote(job: PoolJob<Request, Message>): void {
    const isQueued = this.#queue.remove(job);
    job.claim = { ...job.claim, priority: 'live' };
    if (!isQueued) {
      for (const worker of this.#workers) worker.promote(job);
      return;
    }
    this.#queue.push(job);
    this.#dispatch();
  }

  #overloadError(why: string): EngineError {
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
        // A request that cannot be made, cloned or transferred fails its own job only.
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
    const { nextPriority } = this.#queue;
    if (!preemptible || nextPriority === undefined) return undefined;
    return ready.find((worker) => worker.yieldsTo(nextPriority));
  }

  get #mayStartPartial(): boolean {
    return !this.#partialsRest && ![...this.#workers].some((worker) => worker.has('partial'));
  }

  /** Lets partial jobs rest after one that took `tookMs`, for as long as their share requires. */
  #restPartials(tookMs: number): void {
    const { size, partialShare = defaultPartialShare } = this.#options;
    const restMs = tookMs * (1 / (partialShare * size) - 1);
    if (restMs <= 0) return;
    this.#partialsRest = true;
    this.#clock.after(restMs, () => {
      this.#partialsRest = false;
      this.#dispatch();
    });
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
        if (job.claim.priority === 'partial') this.#restPartials(tookMs);
        this.#dispatch();
      },
      onRoom: () => this.#dispatch(),
      onStuck: () => this.#retire(worker),
      onEnd: ({ wasReady }) => {
        this.#workers.delete(worker);
        // A thread that failed to load is retried only when there is work.
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

  /** Replaces a thread that continues an abandoned job. */
  #retire(worker: PoolWorker<Request, Message>): void {
    // Threads that cannot be terminated must not accumulate, so the job's end is awaited.
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
