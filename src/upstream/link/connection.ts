import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { type RawData, WebSocket } from 'ws';
import type { Clock } from '../../core/clock.ts';
import { textUnlessHeavy } from '../../protocol/parse/frame-parser.ts';
import type { CloseReason } from '../../session/ports/peer.ts';
import { connectionFailure, httpFailure, type UpstreamFailure } from './failure.ts';
import { readEvent, redactText, type UpstreamEvent } from './json.ts';
import type { UpstreamLimits } from './limits.ts';

/** Receives the events of an upstream connection. */
export interface ConnectionListener {
  event(event: UpstreamEvent): void;
  /** An invalid frame was dropped; `problem` describes it without its content. */
  oddFrame(problem: string): void;
  /** The open connection was closed: code 1006 if there was no close frame. The last event. */
  closed(reason: CloseReason): void;
  /** The connection could not be opened. The last event. */
  failed(failure: UpstreamFailure): void;
}

/** Reads a message that `isHeavy`, as `readEvent` does, in a thread; its buffer must not be used afterwards. */
export type HeavyMessageReader = (message: Buffer, secret: string | undefined) => Promise<UpstreamEvent | string>;

export interface ConnectionOptions {
  url: string;
  headers: Record<string, string>;
  /** Redacted in everything that the upstream sends. */
  secret?: string | undefined;
  /** Without it, large messages are read on the event loop. */
  readHeavy?: HeavyMessageReader | undefined;
  limits: UpstreamLimits;
  clock: Clock;
}

/** Invalid frames after which the connection is closed. */
const maxOddFrames = 100;
const closeTimeoutMs = 2000;
const abnormal = 1006;

/** A WebSocket to an upstream: text frames out, events in, both bounded. */
export class UpstreamConnection {
  /** The current listener; the handshake passes the connection on. */
  listener: ConnectionListener;
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  #opened = false;
  #over = false;
  #oddFrames = 0;
  #heardAtMs: number;
  #cancelPing: () => void = () => {};
  #drained: PromiseWithResolvers<void> | undefined;
  /** Messages that arrived behind one that is read in a thread: at most one read of the socket. */
  readonly #unread: { data: RawData; isBinary: boolean }[] = [];
  #readingHeavy = false;
  /** Why the connection was closed, until the messages before that have been read. */
  #closedFor: CloseReason | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.listener = listener;
    const { url, headers, limits, clock } = options;
    this.#heardAtMs = clock.now();
    const socketOptions = {
      headers,
      maxPayload: limits.upstreamMessageBytes,
      perMessageDeflate: false,
      autoPong: false,
      // One message per turn of the event loop: a chunk of a flood contains thousands.
      allowSynchronousEvents: false,
      // A redirect would leak the key.
      followRedirects: false,
      closeTimeout: closeTimeoutMs,
    };
    this.#socket = new WebSocket(url, socketOptions);
    this.#socket.on('open', () => {
      this.#opened = true;
      this.#schedulePing();
    });
    this.#socket.on('message', (data, isBinary) => this.#message(data, isBinary));
    this.#socket.on('pong', () => this.#noteActivity());
    this.#socket.on('ping', (data) => this.#ping(data));
    this.#socket.on('unexpected-response', (request, response: IncomingMessage) => {
      request.destroy();
      this.#fail(httpFailure(response.statusCode ?? 0, this.#redacted(response.headers['content-type'] ?? '')));
    });
    this.#socket.on('error', (error) => {
      // An error of an open connection is followed by its close event.
      if (!this.#opened) this.#fail(connectionFailure(error));
    });
    this.#socket.on('close', (code, reason) => this.#closed({ code, reason: this.#redacted(reason.toString()) }));
  }

  /** Whether too much data is waiting to be sent. */
  get congested(): boolean {
    return this.#socket.bufferedAmount > this.#options.limits.upstreamQueueBytes;
  }

  /** Resolves once the connection is not congested, or closed. */
  drained(): Promise<void> {
    if (this.#over || !this.congested) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  send(frame: string): void {
    if (this.#over || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(frame, () => {
      if (!this.congested) this.#release();
    });
  }

  /** Closes the connection; the listener is not called any more. */
  close({ code, reason }: CloseReason): void {
    if (this.#over) return;
    this.#stop();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, reason);
    else this.#socket.terminate();
  }

  #ping(data: Buffer): void {
    this.#noteActivity();
    // An upstream could send pings without reading the pongs.
    if (!this.#over && !this.congested) this.#socket.pong(data);
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#over) return;
    this.#noteActivity();
    if (this.#readingHeavy) {
      this.#unread.push({ data, isBinary });
      return;
    }
    const pending = this.#take(data, isBinary);
    if (pending) void this.#readOn(pending);
  }

  #take(data: RawData, isBinary: boolean): void | Promise<void> {
    if (this.#over) return;
    if (isBinary) return this.#reportOddity('binary');
    const { secret, readHeavy } = this.#options;
    const message = readHeavy ? textUnlessHeavy(data) : data.toString();
    if (typeof message !== 'string') {
      return readHeavy?.(message, secret).then(
        (event) => this.#read(event),
        () => this.#socket.terminate(),
      );
    }
    this.#read(readEvent(message, secret));
  }

  #read(event: UpstreamEvent | string): void {
    if (this.#over) return;
    if (typeof event === 'string') this.#reportOddity(event);
    else this.listener.event(event);
  }

  /** Handles the messages behind one that is read in a thread, each in a turn of the event loop. */
  async #readOn(pending: Promise<void>): Promise<void> {
    this.#readingHeavy = true;
    this.#socket.pause();
    try {
      await pending;
      for (let next = this.#unread.shift(); next && !this.#over; next = this.#unread.shift()) {
        await setImmediate();
        await this.#take(next.data, next.isBinary);
      }
    } finally {
      this.#readingHeavy = false;
      this.#socket.resume();
      if (this.#closedFor) this.#closed(this.#closedFor);
    }
  }

  #redacted(text: string): string {
    return redactText(text, this.#options.secret);
  }

  #reportOddity(problem: string): void {
    this.listener.oddFrame(problem);
    this.#oddFrames++;
    if (this.#oddFrames >= maxOddFrames) this.#socket.terminate();
  }

  #noteActivity(): void {
    this.#heardAtMs = this.#options.clock.now();
  }

  #schedulePing(): void {
    const { clock, limits } = this.#options;
    this.#cancelPing = clock.after(limits.pingIntervalMs, () => {
      if (clock.now() - this.#heardAtMs >= limits.deadPeerMs) return this.#socket.terminate();
      this.#socket.ping();
      this.#schedulePing();
    });
  }

  #fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#stop();
    this.listener.failed(failure);
  }

  #closed(reason: CloseReason): void {
    if (this.#over) return;
    if (this.#readingHeavy) {
      this.#closedFor = reason;
      return;
    }
    this.#stop();
    this.listener.closed(reason.code === 0 ? { ...reason, code: abnormal } : reason);
  }

  #stop(): void {
    this.#over = true;
    this.#cancelPing();
    this.#release();
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
