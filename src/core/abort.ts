import type { Clock } from './clock.ts';

/** For an abort that nobody reports: a new reason would record a stack trace each time. */
export const abandoned = new DOMException('This operation was aborted', 'AbortError');

/** Resolves after `ms` on the clock, immediately for 0; rejects with the signal's reason if it aborts first. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    if (ms <= 0) return resolve();
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Settles as `promise` does, or rejects with the signal's reason once it is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Never resolves; rejects with the signal's reason once it is aborted. */
export function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Waits for `promise` for at most `ms` on the clock; resolves with whether it was fulfilled in time. */
export async function settleWithin(promise: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const { promise: deadline, resolve } = Promise.withResolvers<false>();
  const cancel = clock.after(ms, () => resolve(false));
  try {
    return await Promise.race([promise.then(() => true), deadline]);
  } finally {
    cancel();
  }
}
