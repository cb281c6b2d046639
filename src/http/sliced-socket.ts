/**
 * Passes HTTP input on in slices. Node's parser processes all its input in one turn of the event loop, and takes a
 * millisecond or more for each KiB of tiny chunks or pipelined requests; a socket would pass on 64 KiB at once.
 */

import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Bytes that one connection passes on before it is the turn of others. */
const sliceBytes = 2048;
/** Bytes that all connections together pass on per turn of the event loop. */
const bytesPerTurn = 4096;
/** The minimum that a slice counts as, because a request costs more than its bytes. */
const leastBytes = 256;

/** Makes a server parse its connections in slices. */
export function sliceInput(server: Server): void {
  const turns = new InputTurns();
  // A TLS server parses decrypted input.
  const event = server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection';
  const parse = server.listeners(event);
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    const sliced = new SlicedSocket(socket, turns);
    for (const listener of parse) Reflect.apply(listener, server, [sliced]);
  });
}

/** Lets connections pass on their input in turn, a bounded number of bytes per turn of the event loop. */
class InputTurns {
  readonly #waiting: SlicedSocket[] = [];
  #due = false;

  join(socket: SlicedSocket): void {
    this.#waiting.push(socket);
    if (this.#due) return;
    this.#due = true;
    setImmediate(this.#turn);
  }

  readonly #turn = () => {
    this.#due = false;
    let left = bytesPerTurn;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      left -= Math.max(next.pass(), leastBytes);
      if (left <= 0) break;
    }
    if (this.#waiting.length === 0 || this.#due) return;
    this.#due = true;
    setImmediate(this.#turn);
  };
}

/** A connection for Node's HTTP server. */
export class SlicedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #turns: InputTurns;
  /** Whether the server wants input. */
  #wanted = false;
  /** Whether this is queued for its turn. */
  #waiting = false;
  #stopped = false;
  readonly #listeners: Record<string, (error: Error) => void> = {
    readable: () => this.#offer(),
    end: () => this.push(null),
    error: (error) => this.destroy(error),
    close: () => this.destroy(),
    timeout: () => this.emit('timeout'),
  };

  constructor(socket: Socket, turns: InputTurns) {
    super({ readableHighWaterMark: sliceBytes, writableHighWaterMark: socket.writableHighWaterMark });
    this.#socket = socket;
    this.#turns = turns;
    for (const [event, listener] of Object.entries(this.#listeners)) socket.on(event, listener);
  }

  get encrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** As in `net.Socket`: includes bytes that wait to be sent. */
  get bytesWritten(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength + this.writableLength;
  }

  /** Passes on a slice; returns its number of bytes. */
  pass(): number {
    this.#waiting = false;
    const slice: Buffer | null = this.#stopped
      ? null
      : this.#socket.read(Math.min(this.#socket.readableLength, sliceBytes));
    if (slice === null) return 0;
    this.#wanted = false;
    this.push(slice);
    return slice.length;
  }

  /** Stops passing on input. */
  stopInput(): void {
    this.#stopped = true;
  }

  /** The underlying connection, for another protocol, after which this one is not used any more. */
  release(): Socket {
    this.stopInput();
    for (const [event, listener] of Object.entries(this.#listeners)) this.#socket.off(event, listener);
    const unparsed: Buffer | null = this.read();
    if (unparsed !== null) this.#socket.unshift(unparsed);
    return this.#socket;
  }

  setTimeout(ms: number, callback?: () => void): this {
    this.#socket.setTimeout(ms);
    if (callback) this.once('timeout', callback);
    return this;
  }

  /** As in `net.Socket`: closes the connection once everything is written. */
  destroySoon(): void {
    this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    this.#wanted = true;
    this.#offer();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    for (const { chunk } of chunks.slice(0, -1)) this.#socket.write(chunk);
    this.#socket.write(chunks.at(-1)?.chunk ?? '', done);
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #offer(): void {
    if (!this.#wanted || this.#waiting || this.#stopped) return;
    if (this.#socket.readableLength > 0) {
      this.#waiting = true;
      this.#turns.join(this);
    } else {
      // A read of 0 bytes requests more data, or the end.
      this.#socket.read(0);
    }
  }
}
