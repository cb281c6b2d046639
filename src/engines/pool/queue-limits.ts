/** Limits of the queue of an engine's threads. */
export interface QueueLimits {
  /** Maximum number of waiting jobs; beyond it, the client with most of them loses its newest. */
  jobs: number;
  /** Maximum waiting time of a job. */
  waitMs: number;
  /** Waiting time of a conversation's job beyond which the pool is overloaded. */
  overloadMs: number;
}

/** Share of the threads' time for jobs of priority `partial`. */
export const defaultPartialShare = 0.5;

export const defaultQueueLimits: QueueLimits = { jobs: 4096, waitMs: 20_000, overloadMs: 2000 };
