/** The bounds of the queue before an engine's threads. */
export interface QueueLimits {
  /** Jobs that may wait; beyond, the client with most of them loses its newest. */
  jobs: number;
  /** How long a job may wait. */
  waitMs: number;
}

export const defaultQueueLimits: QueueLimits = { jobs: 4096, waitMs: 20_000 };
