import type { Transferable } from 'node:worker_threads';
import type { WorkClaim } from '../../session/ports/work-claim.ts';

export interface PoolJobOptions<Request> {
  id: number;
  request: Request;
  transfer: readonly Transferable[];
  claim: WorkClaim;
}

/** One job of a worker pool, as the pool keeps it: the request, and the messages that wait for their reader. */
export class PoolJob<Request, Message> {
  readonly id: number;
  readonly request: Request;
  readonly transfer: readonly Transferable[];
  readonly claim: WorkClaim;
  /** A thread has taken it. */
  started = false;
  readonly #messages: Message[] = [];
  #ended: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #stopWaiting: (() => void) | undefined;

  constructor({ id, request, transfer, claim }: PoolJobOptions<Request>) {
    this.id = id;
    this.request = request;
    this.transfer = transfer;
    this.claim = claim;
  }

  /** It waits for a thread from now on; `cancelDeadline` is called when it no longer does. */
  wait(cancelDeadline: () => void): void {
    this.#stopWaiting = cancelDeadline;
    this.claim.onWait?.(true);
  }

  /** It has a thread, or needs none any more. */
  endWait(): void {
    if (!this.#stopWaiting) return;
    this.#stopWaiting();
    this.#stopWaiting = undefined;
    this.claim.onWait?.(false);
  }

  add(message: Message): void {
    if (this.#ended) return;
    this.#messages.push(message);
    this.#wake?.();
  }

  finish(): void {
    this.#ended ??= {};
    this.#wake?.();
  }

  /** Ends the job at once: messages that nobody has read yet are dropped. */
  fail(error: unknown): void {
    this.endWait();
    if (this.#ended) return;
    this.#messages.length = 0;
    this.#ended = { error };
    this.#wake?.();
  }

  async *messages(): AsyncGenerator<Message, void, undefined> {
    for (;;) {
      for (let next = this.#messages.shift(); next !== undefined; next = this.#messages.shift()) yield next;
      if (this.#ended) {
        if ('error' in this.#ended) throw this.#ended.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
