import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { EventLoopYield } from '../core/event-loop-yield.ts';
import { type EngineKind, engineKinds } from './ports/engines.ts';

/** The failure or stall of a stage of a response or of a transcription. */
export class StageError extends Error {
  /** The stage's name in the message and the log. */
  readonly stage: string;
  readonly code: string;
  /** The message for clients: differs from `message` if that contains addresses of the operator's machines. */
  readonly forClients: string;
  /** The engine is overloaded; the same request may succeed later. */
  readonly overloaded: boolean;

  constructor(kind: EngineKind, problem: 'failed' | 'stalled', message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StageError';
    const { stage, label } = engineKinds[kind];
    this.stage = stage;
    const { forClients, overloaded } = Object(cause) as { forClients?: unknown; overloaded?: unknown };
    this.forClients = typeof forClients === 'string' ? failedBecause(kind, forClients) : message;
    this.overloaded = overloaded === true;
    this.code = this.overloaded ? 'overloaded' : `${label}_${problem}`;
  }
}

/** Wraps the error of an engine; its `forClients`, if any, replaces its message for clients. */
export function stageFailed(kind: EngineKind, error: unknown): StageError {
  if (error instanceof StageError) return error;
  const detail = messageOf(error);
  return new StageError(kind, 'failed', failedBecause(kind, detail), error);
}

function failedBecause(kind: EngineKind, detail: string): string {
  return `The ${engineKinds[kind].stage} failed: ${detail}`;
}

interface Watch {
  kind: EngineKind;
  clock: Clock;
  /** The maximum wait for the next event, in milliseconds. */
  stallMs: number;
  /** Stops the watched engine when its consumer is gone or it stalls. */
  abort: AbortController;
}

/**
 * Starts an engine and yields its events; an engine that throws, or yields nothing for `stallMs`, causes a
 * `StageError` that names it. Time in which `onWait` reports a wait for a thread does not count. Ends without an error
 * when `abort` is aborted by someone else.
 */
export async function* watchStage<T>(
  start: (onWait: (waiting: boolean) => void) => AsyncIterable<T>,
  watch: Watch,
): AsyncGenerator<T, void, undefined> {
  const { signal } = watch.abort;
  const timer = new StallTimer(watch);
  const others = new EventLoopYield();
  let iterator: AsyncIterator<T> | undefined;
  try {
    iterator = start((waiting) => timer.wait(waiting))[Symbol.asyncIterator]();
    for (;;) {
      const step = await nextOrStall(iterator, watch, timer);
      if (signal.aborted || step.done) return;
      yield step.value;
      await others.step();
    }
  } catch (error) {
    if (signal.aborted && !(error instanceof StageError)) return;
    throw stageFailed(watch.kind, error);
  } finally {
    // Not awaited, so that a hanging engine does not block its former consumer.
    iterator?.return?.()?.then(undefined, () => {});
  }
}

function nextOrStall<T>(iterator: AsyncIterator<T>, watch: Watch, timer: StallTimer): Promise<IteratorResult<T>> {
  const { signal } = watch.abort;
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      settle();
      reject(signal.reason);
    };
    const settle = () => {
      timer.stop();
      signal.removeEventListener('abort', onAbort);
    };
    timer.start(() => {
      reject(stallError(watch.kind, watch.stallMs));
      watch.abort.abort();
    });
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    iterator.next().then(
      (step) => {
        settle();
        resolve(step);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}

/** Runs from `start` to `stop`, and restarts when the engine stops waiting for a thread. */
class StallTimer {
  readonly #watch: Watch;
  #onStall: (() => void) | undefined;
  #waiting = false;
  #cancel = () => {};

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  start(onStall: () => void): void {
    this.#onStall = onStall;
    this.#reset();
  }

  wait(waiting: boolean): void {
    this.#waiting = waiting;
    this.#reset();
  }

  stop(): void {
    this.#onStall = undefined;
    this.#reset();
  }

  #reset(): void {
    const { clock, stallMs } = this.#watch;
    this.#cancel();
    this.#cancel = this.#onStall && !this.#waiting ? clock.after(stallMs, this.#onStall) : () => {};
  }
}

/** The error of an engine that has produced nothing for `stallMs`. */
export function stallError(kind: EngineKind, stallMs: number): StageError {
  return new StageError(
    kind,
    'stalled',
    `The ${engineKinds[kind].stage} produced no output for ${stallMs / 1000} s and was stopped.`,
  );
}
