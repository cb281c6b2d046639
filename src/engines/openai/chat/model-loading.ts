import { pause } from '../../../core/abort.ts';
import type { Clock } from '../../../core/clock.ts';
import { messageOf } from '../../../core/errors.ts';
import { RequestFailure } from '../request-failure.ts';

export interface ModelLoadingOptions {
  clock: Clock;
  /** How long a request may be silent before the server is probed. */
  silentMs: number;
  /** Maximum time to load a model. */
  loadMs: number;
  /** false: another engine answers in the meantime. The model is loaded anyway. */
  patient: boolean;
  /** Whether the server answers other requests; resolves quickly. */
  answers: (signal: AbortSignal) => Promise<boolean>;
  onChange: (change: LoadingChange) => void;
}

/** Loading is detected, or has ended. `ms`: its duration so far. `error`: why the request failed that waited for it. */
export interface LoadingChange {
  loading: boolean;
  ms: number;
  error?: string;
}

interface Waiting {
  signal: AbortSignal;
  /** Whether the model counts as loading from the start, because it has not answered yet. */
  expected?: boolean;
  /** Called with true when loading is detected, and with false when it has ended. */
  onWait: ((waiting: boolean) => void) | undefined;
}

/** A model that answered within this time is in memory: Ollama unloads models after five minutes. */
const warmMs = 4 * 60_000;
/** An interrupted request that was silent for less time is aborted: a model in memory may take this long. */
const leastSilenceMs = 2000;
/** The fraction of `silentMs` after which the server is probed. */
const askAfter = 0.75;
const firstPauseMs = 250;
const longestPauseMs = 2000;

/**
 * Waits for models that their server loads on the first request, which may take minutes. The server is silent in the
 * meantime, or answers with 503. It stops loading when the request ends, so an abandoned request stays open while the
 * model may be loading: one at a time.
 */
export class ModelLoading {
  readonly #options: ModelLoadingOptions;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** The send time of each request that waits for the model. */
  readonly #waiting = new Map<object, number>();
  #left: AbortController | undefined;

  constructor(options: ModelLoadingOptions) {
    this.#options = options;
  }

  /** How long the model has been loading; undefined while it is not. */
  get ms(): number | undefined {
    const [since] = this.#waiting.values();
    return since === undefined ? undefined : this.#options.clock.now() - since;
  }

  /** Whether the model has answered recently, and is therefore in memory. */
  get isLoaded(): boolean {
    return this.#options.clock.now() - this.#answeredAt <= warmMs;
  }

  close(): void {
    this.#left?.abort();
  }

  /**
   * Sends a request and resolves with its answer once the headers have arrived.
   * @throws {RequestFailure}; the signal's reason
   */
  async open(send: (signal: AbortSignal) => Promise<Response>, waiting: Waiting): Promise<Response> {
    const { clock, loadMs, patient } = this.#options;
    const sentAt = clock.now();
    const wait = {};
    let failure: unknown;
    if (waiting.expected && patient) this.#begin(wait, sentAt, waiting);
    try {
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await this.#once(send, waiting, () => this.#begin(wait, sentAt, waiting));
        } catch (error) {
          if (!isLoading(error) || !patient) throw error;
          this.#begin(wait, sentAt, waiting);
          const pauseMs = Math.min(firstPauseMs * 4 ** attempt, longestPauseMs);
          if (clock.now() + pauseMs - sentAt > loadMs) throw error;
          await pause(pauseMs, clock, waiting.signal);
        }
      }
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      this.#end(wait, waiting, failure);
    }
  }

  #once(
    send: (signal: AbortSignal) => Promise<Response>,
    { signal }: Waiting,
    onLoading: () => void,
  ): Promise<Response> {
    const { clock, silentMs, loadMs, patient } = this.#options;
    signal.throwIfAborted();
    const own = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const sentAt = clock.now();
    let open = true;
    let serverAnswers = false;
    const timers = [
      clock.after(silentMs * askAfter, () => {
        void this.#options.answers(own.signal).then((answers) => {
          serverAnswers = answers;
        });
      }),
      clock.after(silentMs, () => {
        if (!serverAnswers) fail(`it is connected but gave no answer in ${silentMs / 1000} s`);
        else if (patient) onLoading();
        else {
          this.#leave(own);
          settle();
          reject(new RequestFailure(`it gave no answer in ${silentMs / 1000} s, and may be loading its model`));
        }
      }),
      clock.after(loadMs, () => fail(`it has not answered in ${loadMs / 1000} s: its model may not load`)),
    ];
    const settle = () => {
      open = false;
      for (const cancel of timers) cancel();
    };
    const fail = (words: string) => {
      settle();
      const failure = new RequestFailure(words);
      reject(failure);
      own.abort(failure);
    };
    const abort = () => {
      const mayLoad = open && !this.isLoaded && clock.now() - sentAt >= leastSilenceMs;
      settle();
      reject(signal.reason);
      if (mayLoad) this.#leave(own);
      else own.abort(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    send(own.signal).then(
      (response) => {
        this.#answeredAt = clock.now();
        if (open) resolve(response);
        else if (this.#left === own) {
          this.#left = undefined;
          own.abort();
        }
        settle();
      },
      (error: unknown) => {
        if (this.#left === own) this.#left = undefined;
        settle();
        reject(error);
      },
    );
    return promise;
  }

  /** Keeps an abandoned request open, unless there is one already. */
  #leave(request: AbortController): void {
    if (this.#left !== undefined) return request.abort();
    this.#left = request;
    this.#options.clock.after(this.#options.loadMs, () => {
      if (this.#left === request) this.#left = undefined;
      request.abort();
    });
  }

  #begin(wait: object, sentAt: number, { onWait }: Waiting): void {
    if (this.#waiting.has(wait)) return;
    const first = this.#waiting.size === 0;
    this.#waiting.set(wait, sentAt);
    onWait?.(true);
    if (first) this.#options.onChange({ loading: true, ms: this.#options.clock.now() - sentAt });
  }

  #end(wait: object, { onWait, signal }: Waiting, failure: unknown): void {
    const ms = this.ms ?? 0;
    if (!this.#waiting.delete(wait)) return;
    onWait?.(false);
    if (this.#waiting.size > 0) return;
    const failed = failure !== undefined && !signal.aborted;
    this.#options.onChange({ loading: false, ms, ...(failed && { error: messageOf(failure) }) });
  }
}

/** 503 `Loading model` (llama.cpp), `Model … is currently loading` (Hugging Face). */
function isLoading(error: unknown): boolean {
  return error instanceof RequestFailure && error.status === 503 && /\bload(s|ing)?\b/i.test(error.detail);
}
