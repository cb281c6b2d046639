import { type Transferable, Worker } from 'node:worker_threads';
import { Channel } from '../../core/channel.ts';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { type Priority, rankOf, type WorkClaim } from '../../session/ports/work-claim.ts';
import { EngineError } from '../engine-error.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

export interface PoolJobOptions<Request> {
  id: number;
  request: () => Request;
  transfer: readonly Transferable[];
  claim: WorkClaim;
  expectedMs: number | undefined;
}

/** A job of a worker pool: its request, and the messages that have not been read. */
export class PoolJob<Request, Message> {
  readonly id: number;
  /** Makes the request when a thread takes the job. */
  readonly request: () => Request;
  readonly transfer: readonly Transferable[];
  claim: WorkClaim;
  /** Estimated thread time. */
  readonly expectedMs: number | undefined;
  /** Whether a thread has taken it. */
  started = false;
  /** Unbounded: a thread does not wait for the reader. */
  readonly #messages = new Channel<Message>(Number.POSITIVE_INFINITY);
  #stopWaiting: (() => void) | undefined;

  constructor({ id, request, transfer, claim, expectedMs }: PoolJobOptions<Request>) {
    this.id = id;
    this.request = request;
    this.transfer = transfer;
    this.claim = claim;
    this.expectedMs = expectedMs;
  }

  /** The job waits for a thread; `cancelDeadline` is called when it stops waiting. */
  wait(cancelDeadline: () => void): void {
    this.#stopWaiting = cancelDeadline;
    this.claim.onWait?.(true);
  }

  /** The job has a thread, or does not need one any more. */
  endWait(): void {
    if (!this.#stopWaiting) return;
    this.#stopWaiting();
    this.#stopWaiting = undefined;
    this.claim.onWait?.(false);
  }

  get messages(): AsyncIterable<Message> {
    return this.#messages;
  }

  add(message: Message): void {
    void this.#messages.put(message);
  }

  finish(): void {
    this.#messages.end();
  }

  /** Ends the job immediately: unread messages are dropped. */
  fail(error: unknown): void {
    this.endWait();
    this.#messages.abort(error);
  }
}

export interface PoolWorkerOptions<Request, Message> {
  engine: string;
  script: URL;
  workerData: unknown;
  terminable: boolean;
  clock: Clock;
  /** A job of this worker has ended, so there is room for another. */
  onDone: (job: PoolJob<Request, Message>, tookMs: number) => void;
  /** The worker has loaded. */
  onRoom: () => void;
  /** An abandoned job did not end in time. */
  onStuck: () => void;
  /** The worker exited unexpectedly; its jobs have failed. */
  onEnd: (worker: { readonly wasReady: boolean }) => void;
  /** The thread has exited. */
  onExit: () => void;
}

/** Time limit for a thread to end its jobs or to load, before it is terminated. */
const closeDeadlineMs = 10_000;
/** The same for ONNX Runtime, which aborts the process when its thread is terminated while it loads or computes. */
const unsafeCloseDeadlineMs = 60_000;
/** Time after which an abandoned job counts as stuck; the longest step of any engine takes far less. */
const abandonedMs = 10_000;

interface RunningJob<Request, Message> {
  readonly job: PoolJob<Request, Message>;
  readonly startedAtMs: number;
  /** Set when the job was abandoned. */
  cancelDeadline?: () => void;
}

/** One thread of a pool and its jobs. */
export class PoolWorker<Request, Message> {
  /** Resolves when the worker has loaded its model; rejects if it cannot. */
  readonly ready: Promise<void>;
  readonly #engine: string;
  readonly #thread: Worker;
  readonly #jobs = new Map<number, RunningJob<Request, Message>>();
  readonly #options: PoolWorkerOptions<Request, Message>;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #isReady = false;
  #ended = false;
  #closing = false;

  constructor(options: PoolWorkerOptions<Request, Message>) {
    this.#options = options;
    this.#engine = options.engine;
    this.ready = this.#loaded.promise;
    this.ready.catch(() => {});
    this.#thread = new Worker(options.script, { workerData: options.workerData });
    this.#thread.on('message', (message: FromWorker<Message>) => this.#receive(message));
    this.#thread.on('messageerror', (error) => this.#end(`a message could not be read (${error.message})`));
    this.#thread.on('error', (error) => this.#end(messageOf(error)));
    this.#thread.on('exit', (code) => {
      this.#exited.resolve();
      options.onExit();
      this.#end(`its thread ended with code ${code}`);
    });
  }

  get isReady(): boolean {
    return this.#isReady && !this.#ended;
  }

  get jobCount(): number {
    return this.#jobs.size;
  }

  has(priority: Priority): boolean {
    return this.#jobs.values().some(({ job }) => job.claim.priority === priority);
  }

  /** Whether all its jobs are less urgent than one of this priority. */
  yieldsTo(priority: Priority): boolean {
    return this.#jobs.values().every(({ job }) => rankOf(job.claim.priority) > rankOf(priority));
  }

  /** @throws when the request cannot be made or cloned. */
  start(job: PoolJob<Request, Message>): void {
    const { id, claim } = job;
    const message: ToWorker<Request> = { type: 'job', id, request: job.request(), rank: rankOf(claim.priority) };
    job.started = true;
    this.#thread.postMessage(message, job.transfer);
    this.#jobs.set(id, { job, startedAtMs: this.#options.clock.now() });
  }

  /** The job has become as urgent as its claim says. */
  promote({ id, claim }: PoolJob<Request, Message>): void {
    if (this.#jobs.has(id)) this.#post({ type: 'rank', id, rank: rankOf(claim.priority) });
  }

  /** Notifies the thread that the job was abandoned. The job keeps its place until the thread has ended it. */
  abort(job: PoolJob<Request, Message>): void {
    const running = this.#jobs.get(job.id);
    if (!running || running.cancelDeadline) return;
    this.#post({ type: 'abort', id: job.id });
    running.cancelDeadline = this.#options.clock.after(abandonedMs, this.#options.onStuck);
  }

  /**
   * Takes no more jobs: fails the current ones, and exits when the thread has ended them, or immediately if possible.
   */
  retire(): void {
    this.#closing = true;
    this.#end('an abandoned job did not end, and its thread was replaced');
    if (this.#options.terminable) void this.#thread.terminate();
    else this.#post({ type: 'close' });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#end('the engine has been closed');
    this.#post({ type: 'close' });
    const deadlineMs = this.#options.terminable ? closeDeadlineMs : unsafeCloseDeadlineMs;
    const timer = setTimeout(() => void this.#thread.terminate(), deadlineMs);
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
        this.#jobs.get(message.id)?.job.add(message.message);
        break;
      case 'done':
        if (message.message !== undefined) this.#jobs.get(message.id)?.job.add(message.message);
        this.#over(message.id, (job) => job.finish());
        break;
      case 'error':
        this.#over(message.id, (job) => job.fail(new EngineError(this.#engine, message.reason)));
        break;
    }
  }

  #post(message: ToWorker<Request>): void {
    this.#thread.postMessage(message);
  }

  #over(id: number, settle: (job: PoolJob<Request, Message>) => void): void {
    const running = this.#jobs.get(id);
    if (!running) return;
    this.#jobs.delete(id);
    running.cancelDeadline?.();
    settle(running.job);
    this.#options.onDone(running.job, this.#options.clock.now() - running.startedAtMs);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const what = this.#closing ? reason : this.#isReady ? `the worker stopped: ${reason}` : reason;
    const error = new EngineError(this.#engine, what);
    for (const { job, cancelDeadline } of this.#jobs.values()) {
      cancelDeadline?.();
      job.fail(error);
    }
    this.#jobs.clear();
    this.#loaded.reject(error);
    if (this.#closing) return;
    void this.#thread.terminate();
    this.#options.onEnd({ wasReady: this.#isReady });
  }
}
