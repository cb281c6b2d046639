export interface Clock {
  /** Monotonic milliseconds, for durations and deadlines. */
  now(): number;
  /** Wall-clock milliseconds since the epoch, for timestamps on the wire such as `expires_at`. */
  epochMs(): number;
  /** Calls `callback` once, `delayMs` from now; returns the function that cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The system clock. A pending timer does not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  epochMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
