import type { Transferable } from 'node:worker_threads';

/** One job of a worker pool, as the pool keeps it: the request, and the messages that wait for their reader. */
export class PoolJob<Request, Message> {
  readonly id: number;
  readonly request: Request;
  readonly transfer: readonly Transferable[];
  readonly #messages: Message[] = [];
  #ended: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(id: number, request: Request, transfer: readonly Transferable[]) {
    this.id = id;
    this.request = request;
    this.transfer = transfer;
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
