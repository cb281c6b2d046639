import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import { EventLoopYield } from '../core/event-loop-yield.ts';
import { bodyFailure, HttpFailure, requestFailure } from './http-failure.ts';

/** Time limits of a server for each stage of a response. */
export interface HttpTimeouts {
  /** Until the connection is established, including TLS. */
  connectMs: number;
  /** Until the first byte of the response, and from there until the first byte of its body. */
  firstByteMs: number;
  /** Until the first byte of a response, if it differs from `firstByteMs`. */
  answerMs?: number;
  /** Between two chunks of the response. */
  idleMs: number;
}

export interface ExchangeOptions {
  clock: Clock;
  timeouts: HttpTimeouts;
  signal: AbortSignal | undefined;
  /** Maximum size of the body. */
  maxBytes?: number;
}

/** Bytes of a response that are read per turn of the event loop, and ahead of its consumer. */
const bytesPerTurn = 64 * 1024;
/** The minimum that a chunk counts as: one byte costs as much as a thousand. */
const leastBytes = 1024;

/** Fetch, "null body status". */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * One request to undici, and its response. Its body is read only slightly ahead of its consumer; an abort or a deadline
 * ends the connection, even if the consumer does not read.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  /** Rejects with an `HttpFailure`, or with the signal's reason; the body fails in the same way. */
  readonly response: Promise<Response>;
  readonly #head = Promise.withResolvers<Response>();
  readonly #options: ExchangeOptions;
  #connection: Dispatcher.DispatchController | undefined;
  #body: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #begun = false;
  #ended = false;
  #bytes = 0;
  /** Chunks of the body that its consumer has not requested yet, which it gets as one. */
  #pieces: Buffer<ArrayBuffer>[] = [];
  #pieceBytes = 0;
  #wanted = false;
  #delivered = 0;
  readonly #yield = new EventLoopYield(bytesPerTurn);
  #cancelTimer = () => {};

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.response = this.#head.promise;
    this.#limit(options.timeouts.connectMs, 'no connection could be made in');
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    if (options.signal?.aborted) this.#abort();
  }

  onRequestStart(connection: Dispatcher.DispatchController): void {
    this.#connection = connection;
    if (this.#ended) connection.abort(new Error('aborted while it was being connected'));
    else this.#awaitHead();
  }

  onRequestSent(): void {
    if (!this.#begun) this.#awaitHead();
  }

  onResponseStarted(): void {
    this.#begun = true;
  }

  onResponseStart(
    connection: Dispatcher.DispatchController,
    status: number,
    answered: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#cancelTimer();
    if (status > 599) throw new HttpFailure(`it answered with the HTTP status ${status}`);
    const headers = new Headers();
    for (const [name, value] of Object.entries(answered)) {
      for (const each of [value ?? []].flat()) headers.append(name, each);
    }
    if (bodiless.has(status)) return this.#head.resolve(new Response(null, { status, headers }));
    this.#limit(this.#options.timeouts.firstByteMs, 'it began an answer and then gave nothing for');
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => {
          this.#body = controller;
        },
        pull: () => this.#read(connection),
        cancel: () => {
          this.#body = undefined;
          this.#end(new Error('the answer is not read to its end'));
        },
      },
      { highWaterMark: 0 },
    );
    this.#head.resolve(new Response(body, { status, headers }));
  }

  onResponseData(connection: Dispatcher.DispatchController, chunk: Buffer<ArrayBuffer>): void {
    this.#cancelTimer();
    this.#bytes += chunk.byteLength;
    const { maxBytes = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#bytes > maxBytes) return this.#end(new HttpFailure(`its answer is longer than ${maxBytes} bytes`));
    this.#pieces.push(chunk);
    this.#pieceBytes += chunk.byteLength;
    if (this.#pieceBytes < bytesPerTurn) this.#awaitMore();
    else connection.pause();
    if (this.#wanted) this.#deliver();
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#settle();
    if (this.#pieceBytes > 0) this.#deliver();
    // undici frees the connection in the next turn of the event loop, so that the next request can reuse it.
    queueMicrotask(() => setImmediate(() => this.#body?.close()));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: Error): void {
    this.#end(this.#body ? bodyFailure(error, this.#bytes) : requestFailure(error, this.#begun));
  }

  /** Called when the consumer waits for data. */
  async #read(connection: Dispatcher.DispatchController): Promise<void> {
    await this.#yield.step(this.#delivered);
    if (this.#ended) return;
    this.#wanted = true;
    if (this.#pieceBytes > 0) this.#deliver();
    if (!connection.paused) return;
    this.#awaitMore();
    connection.resume();
  }

  #deliver(): void {
    this.#wanted = false;
    this.#delivered = Math.max(this.#pieceBytes, leastBytes);
    this.#body?.enqueue(Buffer.concat(this.#pieces));
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  #awaitMore(): void {
    this.#limit(this.#options.timeouts.idleMs, 'it stopped in the middle of its answer and gave nothing for');
  }

  #awaitHead(): void {
    const { firstByteMs, answerMs = firstByteMs } = this.#options.timeouts;
    this.#limit(answerMs, 'it is connected but gave no answer in');
  }

  #limit(timeoutMs: number, words: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(timeoutMs, () =>
      this.#end(new HttpFailure(`${words} ${timeoutMs / 1000} s`, { timeoutMs })),
    );
  }

  readonly #abort = (): void => this.#end(this.#options.signal?.reason);

  #end(reason: unknown): void {
    if (this.#ended) return;
    this.#settle();
    this.#head.reject(reason);
    this.#body?.error(reason);
    this.#connection?.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }));
  }

  #settle(): void {
    this.#ended = true;
    this.#cancelTimer();
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }
}
