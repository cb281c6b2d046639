/** The worker's side of a worker pool. */

import { constants, getPriority, setPriority } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, type Transferable } from 'node:worker_threads';
import { messageOf } from '../../core/errors.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/** One job, for its handler. */
export interface WorkerJob<Message> {
  /** Aborts when the result is not needed any more; observable after the handler's next turn of the event loop. */
  readonly signal: AbortSignal;
  /** Sends a part of the result; dropped after an abort. */
  send(message: Message, transfer?: readonly Transferable[]): void;
  /** Resolves when the job may continue: after a turn of the event loop, and while no other job is more urgent. */
  turn(): Promise<void>;
}

interface RunningJob {
  rank: number;
  readonly abort: AbortController;
  readonly ended: PromiseWithResolvers<void>;
}

type Job<Request> = Extract<ToWorker<Request>, { type: 'job' }>;

/** May return the last message, which then takes no transfer of its own. */
export type JobHandler<Request, Message> = (
  request: Request,
  job: WorkerJob<Message>,
) => Promise<Message | undefined> | Promise<void>;

/**
 * Loads the model, reports that the worker is ready, and serves jobs. A job ends when its handler
 * resolves or throws.
 * @throws when called outside a worker thread.
 */
export async function serveJobs<Request, Message>(load: () => Promise<JobHandler<Request, Message>>): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('This file is the worker of an engine and cannot be run directly');
  const post = (message: FromWorker<Message>, transfer: readonly Transferable[] = []) =>
    port.postMessage(message, transfer);

  yieldToEventLoop();
  let handle: JobHandler<Request, Message>;
  try {
    handle = await load();
  } catch (error) {
    post({ type: 'failed', reason: messageOf(error) });
    port.close();
    return;
  }

  const running = new Map<number, RunningJob>();
  let closing = false;
  // Exits this thread only, and only between jobs: interrupting native code ends the whole process.
  const endWhenIdle = () => {
    if (closing && running.size === 0) process.exit(0);
  };
  let ranked = Promise.withResolvers<void>();
  const turn = async (self: RunningJob) => {
    await nextTurn();
    while (!self.abort.signal.aborted) {
      const urgent = running.values().find((other) => other.rank < self.rank);
      if (urgent === undefined) return;
      await Promise.race([urgent.ended.promise, ranked.promise]);
    }
  };
  const rank = (id: number, value: number) => {
    const job = running.get(id);
    if (job) job.rank = value;
    ranked.resolve();
    ranked = Promise.withResolvers();
  };
  const run = async ({ id, request, rank }: Job<Request>) => {
    const abort = new AbortController();
    const self: RunningJob = { rank, abort, ended: Promise.withResolvers() };
    running.set(id, self);
    try {
      const last = await handle(request, {
        signal: abort.signal,
        send: (message, transfer) => {
          if (!abort.signal.aborted) post({ type: 'message', id, message }, transfer);
        },
        turn: () => turn(self),
      });
      post(last === undefined || abort.signal.aborted ? { type: 'done', id } : { type: 'done', id, message: last });
    } catch (error) {
      post({ type: 'error', id, reason: messageOf(error) });
    } finally {
      running.delete(id);
      self.ended.resolve();
      endWhenIdle();
    }
  };

  port.on('message', (message: ToWorker<Request>) => {
    switch (message.type) {
      case 'job':
        void run(message);
        break;
      case 'rank':
        rank(message.id, message.rank);
        break;
      case 'abort':
        running.get(message.id)?.abort.abort();
        break;
      case 'close':
        closing = true;
        for (const { abort } of running.values()) abort.abort();
        endWhenIdle();
        break;
    }
  });
  post({ type: 'ready' });
}

/** The event loop gets three quarters of a core that is full, and other programs do not starve the threads. */
const nicerBy = 5;

/**
 * Lowers the priority of this thread, and of those that it starts, below that of the event loop: where they share a
 * core, a job would delay all sessions. Only Linux has priorities of threads (setpriority(2), "Bugs").
 */
function yieldToEventLoop(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, Math.min(getPriority(0) + nicerBy, constants.priority.PRIORITY_LOW));
  } catch {
    // A sandbox may forbid it. The thread then works as everywhere else.
  }
}

/** The path of a user's model, if the pool's `workerData` has `modelPath`. */
export function modelPathOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('modelPath' in data)) return undefined;
  return typeof data.modelPath === 'string' ? data.modelPath : undefined;
}
