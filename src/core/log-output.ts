import sonicBoom from 'sonic-boom';

export interface LogOutputOptions {
  /** The file descriptor: 2 is standard error. */
  fd: number;
  /** Bytes that may wait to be written; entries beyond it are dropped. */
  bufferBytes: number;
  /** Called once entries can be written again after some were dropped, with the number dropped since the last call. */
  onRoom: (dropped: number) => void;
}

/** How often a failed write is repeated while nothing new is logged. */
const retryMs = 1000;

/**
 * Writes lines to a file descriptor and never blocks or throws: a reader that stands still, a closed pipe and a full disk
 * cost entries, which are counted, and nothing else.
 */
export class LogOutput {
  readonly #stream: sonicBoom.SonicBoom;
  readonly #onRoom: (dropped: number) => void;
  #dropped = 0;
  #reported = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ fd, bufferBytes, onRoom }: LogOutputOptions) {
    this.#onRoom = onRoom;
    // Node makes a pipe non-blocking when the stream is first used. A blocking write would occupy a thread of the pool, which
    // the process waits for when it ends.
    if (fd === process.stderr.fd) process.stderr.on('error', () => {});
    this.#stream = new sonicBoom.SonicBoom({
      fd,
      sync: false,
      // With less than this, `flush` does nothing.
      minLength: 1,
      maxLength: bufferBytes,
      retryEAGAIN: () => !this.#closed,
    });
    this.#stream.on('drop', () => {
      this.#dropped += 1;
    });
    this.#stream.on('error', () => this.#retryLater());
    this.#stream.on('drain', () => this.#report());
  }

  /** Entries lost so far. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (!this.#closed) this.#stream.write(line);
  }

  /** Writes what waits, for at most `timeoutMs`; later lines are discarded. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    const { promise: written, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#stream.flush(() => resolve());
    await written;
    clearTimeout(timer);
    clearTimeout(this.#retry);
    this.#closed = true;
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#stream.flush();
    }, retryMs).unref();
  }

  #report(): void {
    const dropped = this.#dropped - this.#reported;
    if (dropped === 0 || this.#closed) return;
    this.#reported = this.#dropped;
    this.#onRoom(dropped);
  }
}
