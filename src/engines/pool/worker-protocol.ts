/** What a worker pool and its workers say to each other. `id` numbers a job within its pool. */

export type ToWorker<Request> =
  /** While an urgent job runs, others wait at their next `turn()`. */
  | { type: 'job'; id: number; request: Request; urgent: boolean }
  /** The result of this job is not wanted any more. It still has to end with `done` or `error`. */
  | { type: 'abort'; id: number }
  /** Abort every job, and end the thread when the last one has let go. */
  | { type: 'close' };

export type FromWorker<Message> =
  | { type: 'ready' }
  /** Loading failed; the worker ends itself. */
  | { type: 'failed'; reason: string }
  | { type: 'message'; id: number; message: Message }
  | { type: 'done'; id: number }
  | { type: 'error'; id: number; reason: string };
