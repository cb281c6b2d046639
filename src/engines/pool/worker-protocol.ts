/** Messages between a worker pool and its workers. `id` numbers a job within its pool. */

export type ToWorker<Request> =
  /** `rank`: the rank of its priority. While a job of a lower rank runs, it waits at its next `turn()`. */
  | { type: 'job'; id: number; request: Request; rank: number }
  /** The result of the job is not needed any more. It must still end with `done` or `error`. */
  | { type: 'abort'; id: number }
  /** The priority of the job has changed. */
  | { type: 'rank'; id: number; rank: number }
  /** Abort every job, and exit when the last one has ended. */
  | { type: 'close' };

export type FromWorker<Message> =
  | { type: 'ready' }
  /** Loading failed; the worker exits. */
  | { type: 'failed'; reason: string }
  | { type: 'message'; id: number; message: Message }
  | { type: 'done'; id: number; message?: Message }
  | { type: 'error'; id: number; reason: string };
