/** A TCP connection on which a test writes arbitrary bytes: HTTP first, WebSocket frames after a 101. */

import { connect, type Socket } from 'node:net';
import { encodeFrame, FrameReader, opcodes, type ServerFrame } from './websocket-frames.ts';

export interface ResponseHead {
  status: number;
  /** Lower-case names; for a repeated header, the last value. */
  headers: ReadonlyMap<string, string>;
}

export interface ClosedConnection {
  /** From the server's close frame; undefined if there was none. */
  code: number | undefined;
  reason: string;
}

export interface RawConnectionOptions {
  port: number;
  /** Called with each complete text message of the server. */
  onText?: (text: string) => void;
  onPong?: (payload: Buffer) => void;
  /** Called with each WebSocket frame of the server. */
  onFrame?: (frame: ServerFrame) => void;
}

export class RawConnection {
  readonly socket: Socket;
  /** The head of the first response; rejects if the connection ends without a valid one. */
  readonly head: Promise<ResponseHead>;
  /** Resolves when both directions are closed. */
  readonly closed: Promise<ClosedConnection>;
  readonly #options: RawConnectionOptions;
  readonly #head = Promise.withResolvers<ResponseHead>();
  readonly #frames = new FrameReader();
  #beginning: Buffer<ArrayBufferLike> | undefined = Buffer.alloc(0);
  #upgraded = false;
  #fragments: Buffer[] = [];
  #body: Buffer[] = [];
  #close: ClosedConnection = { code: undefined, reason: '' };

  constructor(options: RawConnectionOptions) {
    this.#options = options;
    this.head = this.#head.promise;
    this.head.catch(() => {});
    this.socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk) => this.#received(chunk));
    // Rejections are handled where the promise is awaited.
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#head.reject(new Error('the connection ended without a response'));
        resolve(this.#close);
      });
    });
  }

  /** The bytes after the head of a response that is not an upgrade. */
  get body(): Buffer {
    return Buffer.concat(this.#body);
  }

  write(bytes: Buffer | string): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  text(text: string): void {
    this.write(encodeFrame({ opcode: opcodes.text, payload: text }));
  }

  #received(chunk: Buffer): void {
    try {
      if (this.#upgraded) this.#readFrames(chunk);
      else if (this.#beginning !== undefined) this.#readHead(Buffer.concat([this.#beginning, chunk]));
      else this.#body.push(chunk);
    } catch (error) {
      this.#head.reject(error);
      this.socket.destroy(error instanceof Error ? error : undefined);
    }
  }

  #readHead(bytes: Buffer): void {
    this.#beginning = bytes;
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return;
    this.#beginning = undefined;
    const [statusLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3})( |$)/.exec(statusLine)?.[1];
    if (status === undefined) throw new Error(`no status line: ${statusLine.slice(0, 200)}`);
    const headers = new Map(
      lines.map((line) => {
        const [name = '', ...value] = line.split(':');
        return [name.toLowerCase(), value.join(':').trim()];
      }),
    );
    this.#upgraded = status === '101';
    const rest = bytes.subarray(end + 4);
    this.#head.resolve({ status: Number(status), headers });
    if (!this.#upgraded) this.#body.push(rest);
    else if (rest.length > 0) this.#readFrames(rest);
  }

  #readFrames(chunk: Buffer): void {
    for (const frame of this.#frames.push(chunk)) {
      this.#options.onFrame?.(frame);
      this.#frame(frame);
    }
  }

  #frame({ opcode, fin, payload }: ServerFrame): void {
    switch (opcode) {
      case opcodes.text:
      case opcodes.continuation:
        this.#fragments.push(payload);
        if (!fin) return;
        this.#options.onText?.(Buffer.concat(this.#fragments.splice(0)).toString());
        return;
      case opcodes.ping:
        this.write(encodeFrame({ opcode: opcodes.pong, payload }));
        return;
      case opcodes.pong:
        this.#options.onPong?.(payload);
        return;
      case opcodes.close:
        this.#close = {
          code: payload.length >= 2 ? payload.readUInt16BE() : 1005,
          reason: payload.toString('utf8', 2),
        };
        this.write(encodeFrame({ opcode: opcodes.close, payload: payload.subarray(0, 2) }));
        return;
      default:
        throw new Error(`the server sent a frame with opcode ${opcode}`);
    }
  }
}
