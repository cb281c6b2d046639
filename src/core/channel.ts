/**
 * A bounded queue between one producer and one consumer: `put` waits while it is full, iteration waits while it is
 * empty. `weigh`: the part of the capacity that an item takes, by default one.
 */
export class Channel<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #weigh: (item: T) => number;
  #weight = 0;
  readonly #items: T[] = [];
  #ended = false;
  #error: { reason: unknown } | undefined;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;

  constructor(capacity: number, weigh: (item: T) => number = () => 1) {
    this.#capacity = capacity;
    this.#weigh = weigh;
  }

  /** Resolves once there is room; false if the consumer has left. */
  async put(item: T): Promise<boolean> {
    while (this.#weight >= this.#capacity && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve;
      });
    }
    if (this.#ended) return false;
    this.#items.push(item);
    this.#weight += this.#weigh(item);
    this.#wakeConsumer?.();
    return true;
  }

  /** Ends the queue; queued items are still delivered. */
  end(): void {
    this.#ended = true;
    this.#wakeConsumer?.();
    this.#wakeProducer?.();
  }

  /** Like `end`, but iteration then throws `reason`. */
  fail(reason: unknown): void {
    this.#error ??= { reason };
    this.end();
  }

  /** Like `fail`, but drops queued items. */
  abort(reason: unknown): void {
    if (this.#ended) return;
    this.#items.length = 0;
    this.fail(reason);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    try {
      for (;;) {
        const item = this.#items.shift();
        if (item !== undefined) {
          this.#weight -= this.#weigh(item);
          this.#wakeProducer?.();
          yield item;
        } else if (this.#ended) {
          if (this.#error) throw this.#error.reason;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wakeConsumer = resolve;
          });
        }
      }
    } finally {
      this.end();
    }
  }
}
