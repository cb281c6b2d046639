/** The side of a worker pool that runs in the worker thread. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, type Transferable } from 'node:worker_threads';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/** One job, as its handler sees it. */
export interface WorkerJob<Message> {
  /** Aborts when nobody wants the result any more; seen after the handler's next `await` of the event loop. */
  readonly signal: AbortSignal;
  /** Sends a part of the result. After an abort it is dropped. */
  send(message: Message, transfer?: readonly Transferable[]): void;
  /** Resolves when this job may go on: after a turn of the event loop, and not while another one is more urgent. */
  turn(): Promise<void>;
}

type Job<Request> = Extract<ToWorker<Request>, { type: 'job' }>;

export type JobHandler<Request, Message> = (request: Request, job: WorkerJob<Message>) => Promise<void>;

/**
 * Loads what the jobs need, reports that this worker is ready, and serves jobs: a job is over when its handler
 * resolves or throws.
 * @throws when it is called outside a worker thread.
 */
export async function serveJobs<Request, Message>(load: () => Promise<JobHandler<Request, Message>>): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('This file is the worker of an engine, and is not run by itself');
  const post = (message: FromWorker<Message>, transfer: readonly Transferable[] = []) =>
    port.postMessage(message, transfer);

  let handle: JobHandler<Request, Message>;
  try {
    handle = await load();
  } catch (error) {
    post({ type: 'failed', reason: reasonOf(error) });
    port.close();
    return;
  }

  const running = new Map<number, AbortController>();
  const urgentJobs = new Map<number, PromiseWithResolvers<void>>();
  let closing = false;
  // Ends this thread only, and only between jobs: native code that is cut off takes the whole process with it.
  const endWhenIdle = () => {
    if (closing && running.size === 0) process.exit(0);
  };
  const turn = async (id: number, signal: AbortSignal) => {
    await nextTurn();
    while (!urgentJobs.has(id) && !signal.aborted) {
      const [urgent] = urgentJobs.values();
      if (urgent === undefined) return;
      await urgent.promise;
    }
  };
  const run = async ({ id, request, urgent }: Job<Request>) => {
    const abort = new AbortController();
    running.set(id, abort);
    if (urgent) urgentJobs.set(id, Promise.withResolvers());
    try {
      await handle(request, {
        signal: abort.signal,
        send: (message, transfer) => {
          if (!abort.signal.aborted) post({ type: 'message', id, message }, transfer);
        },
        turn: () => turn(id, abort.signal),
      });
      post({ type: 'done', id });
    } catch (error) {
      post({ type: 'error', id, reason: reasonOf(error) });
    } finally {
      running.delete(id);
      urgentJobs.get(id)?.resolve();
      urgentJobs.delete(id);
      endWhenIdle();
    }
  };

  port.on('message', (message: ToWorker<Request>) => {
    switch (message.type) {
      case 'job':
        void run(message);
        break;
      case 'abort':
        running.get(message.id)?.abort();
        break;
      case 'close':
        closing = true;
        for (const abort of running.values()) abort.abort();
        endWhenIdle();
        break;
    }
  });
  post({ type: 'ready' });
}

/** The path of the user's own model, where a pool's `workerData` has one as `modelPath`. */
export function modelPathOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('modelPath' in data)) return undefined;
  return typeof data.modelPath === 'string' ? data.modelPath : undefined;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
