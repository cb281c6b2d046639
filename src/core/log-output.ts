import sonicBoom from 'sonic-boom';

export interface LogOutputOptions {
  /** The file descriptor: 2 is standard error. */
  fd: number;
  /** Maximum bytes waiting to be written; entries beyond it are dropped. */
  bufferBytes: number;
  /** Keep lines until `release`, at most `bufferBytes` of them. */
  held: boolean;
  /** Called when writing succeeds after entries were dropped, with the number dropped since the last call. */
  onRoom: (dropped: number) => void;
}

const ignoreError = () => {};

/** Interval between retries of a failed write while nothing new is logged. */
const retryMs = 1000;

/**
 * Writes lines to a file descriptor without blocking or throwing. A stalled reader, a closed pipe or a full disk loses
 * entries, which are counted, and has no other effect.
 */
export class LogOutput {
  readonly #stream: sonicBoom.SonicBoom;
  readonly #onRoom: (dropped: number) => void;
  #dropped = 0;
  #reported = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  /** Lines that wait for `release`; undefined once they need not wait. */
  #held: string[] | undefined;
  #heldBytes = 0;
  readonly #bufferBytes: number;

  constructor({ fd, bufferBytes, held, onRoom }: LogOutputOptions) {
    this.#onRoom = onRoom;
    this.#bufferBytes = bufferBytes;
    if (held) this.#held = [];
    // Using the stream makes Node set a pipe to non-blocking. A blocking write would occupy a thread of the pool, and
    // the process waits for that thread when it ends.
    if (fd === process.stderr.fd && !process.stderr.listeners('error').includes(ignoreError)) {
      process.stderr.on('error', ignoreError);
    }
    this.#stream = new sonicBoom.SonicBoom({
      fd,
      sync: false,
      // With the default of 0, `flush` does nothing.
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
    if (this.#closed) return;
    if (this.#held === undefined) {
      this.#stream.write(line);
      return;
    }
    this.#held.push(line);
    this.#heldBytes += Buffer.byteLength(line);
    if (this.#heldBytes > this.#bufferBytes) this.release();
  }

  release(): void {
    const lines = this.#held ?? [];
    this.#held = undefined;
    for (const line of lines) this.#stream.write(line);
  }

  /** Flushes the buffer, waiting at most `timeoutMs`; later lines are discarded. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    this.release();
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
