/** The side of a worker pool that runs in the worker thread. */

import { parentPort, type Transferable } from 'node:worker_threads';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/** One job, as its handler sees it. */
export interface WorkerJob<Message> {
  /** Aborts when nobody wants the result any more; seen after the handler's next `await` of the event loop. */
  readonly signal: AbortSignal;
  /** Sends a part of the result. After an abort it is dropped. */
  send(message: Message, transfer?: readonly Transferable[]): void;
}

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
  let closing = false;
  // Ends this thread only, and only between jobs: native code that is cut off takes the whole process with it.
  const endWhenIdle = () => {
    if (closing && running.size === 0) process.exit(0);
  };
  const run = async (id: number, request: Request) => {
    const abort = new AbortController();
    running.set(id, abort);
    try {
      await handle(request, {
        signal: abort.signal,
        send: (message, transfer) => {
          if (!abort.signal.aborted) post({ type: 'message', id, message }, transfer);
        },
      });
      post({ type: 'done', id });
    } catch (error) {
      post({ type: 'error', id, reason: reasonOf(error) });
    } finally {
      running.delete(id);
      endWhenIdle();
    }
  };

  port.on('message', (message: ToWorker<Request>) => {
    switch (message.type) {
      case 'job':
        void run(message.id, message.request);
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
