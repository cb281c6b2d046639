import type { IncomingMessage } from 'node:http';
import { type RawData, WebSocket } from 'ws';
import type { Clock } from '../../core/clock.ts';
import type { CloseReason } from '../../session/ports/peer.ts';
import { connectionFailure, httpFailure, type UpstreamFailure } from './failure.ts';
import { readEvent, redact, type UpstreamEvent } from './json.ts';
import type { UpstreamLimits } from './limits.ts';

/** Who is told what an upstream's connection does. */
export interface ConnectionListener {
  event(event: UpstreamEvent): void;
  /** A frame that is no event was dropped; `problem` says what is wrong with it, and nothing of what it said. */
  oddFrame(problem: string): void;
  /** It was open, and no longer is: code 1006 where there was no close frame. Nothing follows. */
  closed(reason: CloseReason): void;
  /** It could not be opened. Nothing follows. */
  failed(failure: UpstreamFailure): void;
}

export interface ConnectionOptions {
  url: string;
  headers: Record<string, string>;
  /** Blotted out wherever the upstream says it. */
  secret?: string | undefined;
  limits: UpstreamLimits;
  clock: Clock;
}

/** What sends nothing but nonsense is cut off. */
const maxOddFrames = 100;
/** A shorter one is no secret, and would blot out half of what is said. */
const minSecretLength = 8;
const closeTimeoutMs = 2000;
const abnormal = 1006;

/** A WebSocket to an upstream: text frames out, events in, both bounded. */
export class UpstreamConnection {
  /** Whoever has the session now; who establishes it hands it over. */
  listener: ConnectionListener;
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  #opened = false;
  #over = false;
  #oddFrames = 0;
  #heardAtMs: number;
  #cancelPing: () => void = () => {};
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.listener = listener;
    const { url, headers, limits, clock } = options;
    this.#heardAtMs = clock.now();
    const socketOptions = {
      headers,
      maxPayload: limits.upstreamMessageBytes,
      perMessageDeflate: false,
      // One message in each turn of the event loop: a chunk of a flood holds thousands.
      allowSynchronousEvents: false,
      // A redirect would take the key with it.
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
    this.#socket.on('ping', () => this.#noteActivity());
    this.#socket.on('unexpected-response', (request, response: IncomingMessage) => {
      request.destroy();
      this.#fail(httpFailure(response.statusCode ?? 0, this.#redacted(response.headers['content-type'] ?? '')));
    });
    this.#socket.on('error', (error) => {
      // One of an open connection is followed by its closing.
      if (!this.#opened) this.#fail(connectionFailure(error));
    });
    this.#socket.on('close', (code, reason) => this.#closed({ code, reason: this.#redacted(reason.toString()) }));
  }

  /** Whether more waits to be read by the upstream than should. */
  get congested(): boolean {
    return this.#socket.bufferedAmount > this.#options.limits.upstreamQueueBytes;
  }

  /** Resolves once it is not congested, or over. */
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

  /** Ends it; the listener is told nothing more. */
  close({ code, reason }: CloseReason): void {
    if (this.#over) return;
    this.#stop();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, reason);
    else this.#socket.terminate();
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#over) return;
    this.#noteActivity();
    if (isBinary) return this.#reportOddity('binary');
    const text = data.toString();
    const event = readEvent(text);
    if (typeof event === 'string') this.#reportOddity(event);
    else this.listener.event(this.#mayName(text) ? redact(event, this.#redacted) : event);
  }

  /** Whether the JSON text of an event may say the key: as it is, or in escapes. */
  #mayName(text: string): boolean {
    const { secret } = this.#options;
    return secret !== undefined && (text.includes(secret) || text.includes('\\'));
  }

  readonly #redacted = (text: string): string => {
    const { secret } = this.#options;
    return secret !== undefined && secret.length >= minSecretLength ? text.replaceAll(secret, '…') : text;
  };

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
