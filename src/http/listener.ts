import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { apiErrorOf } from '../protocol/errors/api-error.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { watchPace } from './pace.ts';
import { SlicedSocket, sliceInput } from './sliced-socket.ts';
import type { Certificate } from './tls.ts';

export interface ListenerOptions {
  config: Pick<Config, 'host' | 'port' | 'limits'>;
  /** Handles plain HTTP requests. */
  app: { fetch: Parameters<typeof getRequestListener>[0] };
  onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Number of connections that belong to a session; all others count toward `limits.pending-connections`. */
  sessionConnections: () => number;
  /** Whether a response ends only with a session or its client: `drain` does not wait for it. */
  isEndless: (response: ServerResponse) => boolean;
  certificate: Certificate | undefined;
  clock: Clock;
  log: Log;
}

/** Listening failed; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Idle time after which a keep-alive connection is closed. */
const keepAliveMs = 5000;
/** Maximum requests of one connection, which bounds pipelining: pipelined requests are handled concurrently. */
const requestsPerConnection = 100;

/** Bytes buffered of a body before its route reads it. In one-byte chunks, each byte costs a microsecond. */
const queuedBytes = 16 * 1024;
/**
 * How long the connection stays open after a response to a request whose body was not read: time to read the response.
 */
const unreadBodyMs = 500;

/** The server's single port: plain HTTP goes to the app, upgrades to `onUpgrade`. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #connections = new Set<Duplex>();
  /** Responses in progress. */
  readonly #answers = new Set<ServerResponse>();
  readonly #requests = new WeakMap<Duplex, number>();
  /** Stop watching how fast a connection reads its responses. */
  readonly #watches = new WeakMap<Duplex, () => void>();
  /** Stop waiting for the body of the last request, which was not read. */
  readonly #unread = new WeakMap<Duplex, () => void>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { limits } = options.config;
    const serverOptions: ServerOptions = {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: Math.max(limits.requestTimeoutMs, limits.headersTimeoutMs),
      connectionsCheckingInterval: Math.min(limits.headersTimeoutMs, 5000),
      keepAliveTimeout: keepAliveMs,
      highWaterMark: queuedBytes,
      // Other upgrades, such as curl's to HTTP/2, are only offers: they are answered as plain requests.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    };
    const answer = getRequestListener(options.app.fetch, {
      overrideGlobalObjects: false,
      errorHandler: (error) => this.#unanswerable(error),
    });
    const { certificate } = options;
    this.#server =
      certificate === undefined
        ? createServer(serverOptions, answer)
        : createTlsServer(
            {
              ...serverOptions,
              cert: certificate.cert,
              key: certificate.key,
              handshakeTimeout: limits.headersTimeoutMs,
            },
            answer,
          );
    this.#server.maxRequestsPerSocket = requestsPerConnection;
    this.#server.prependListener('request', (request, response) => {
      this.#countRequest(request, response);
      this.#watch(request, response);
    });
    this.#server.on('upgrade', (request, socket, head) => {
      this.#watches.get(socket)?.();
      options.onUpgrade(request, socket instanceof SlicedSocket ? socket.release() : socket, head);
    });
    this.#server.on('dropRequest', (_, socket) => {
      if (socket instanceof SlicedSocket) socket.stopInput();
    });
    sliceInput(this.#server);
    this.#server.on('connection', (socket) => this.#count(socket));
    // Common with certificates that clients do not trust.
    this.#server.on('tlsClientError', (error) => options.log.debug('tls_failed', { reason: error.message }));
  }

  /** @throws {ListenError} when listening fails */
  async listen(): Promise<{ port: number }> {
    const { host, port } = this.#options.config;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(listenProblem(error, host, port))),
    );
    this.#server.listen({ host: host.replace(/^\[(.*)\]$/, '$1'), port }, resolve);
    await promise;
    this.#server.removeAllListeners('error');
    this.#server.on('error', (error) => this.#options.log.error('http_failed', { error }));
    return { port: (this.#server.address() as AddressInfo).port };
  }

  /** Resolves once the responses in progress are complete, excluding WebSockets and endless responses. */
  async drain(): Promise<void> {
    const closed = (response: ServerResponse) => new Promise((resolve) => response.once('close', resolve));
    const { isEndless } = this.#options;
    await Promise.all([...this.#answers].filter((response) => !isEndless(response)).map(closed));
  }

  /** Number of open connections, including those of sessions. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Accepts no more connections, closes those that are not WebSockets, and destroys the rest after the grace period.
   */
  async close(): Promise<void> {
    const { clock, config } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    const cancel = clock.after(config.limits.closeGraceMs, () => {
      for (const socket of this.#connections) socket.destroy();
    });
    await promise;
    cancel();
  }

  /** Handles a request that the adapter could not pass to the app: its URL or headers are invalid. */
  #unanswerable(error: unknown): Response {
    if (error instanceof RequestError) {
      return Response.json(apiErrorOf(httpErrors.badRequest(error.message)), { status: 400 });
    }
    this.#options.log.error('http_failed', { error });
    return Response.json(apiErrorOf(httpErrors.internal()), { status: 500 });
  }

  /** Closes a connection after its last response. Node only announces it, and waits for the client to close it. */
  #countRequest({ socket }: IncomingMessage, response: ServerResponse): void {
    const count = (this.#requests.get(socket) ?? 0) + 1;
    this.#requests.set(socket, count);
    if (count >= requestsPerConnection) response.shouldKeepAlive = false;
  }

  /** Closes the connection of a client that does not read its responses, or keeps sending a body that is not read. */
  #watch(request: IncomingMessage, response: ServerResponse): void {
    this.#answers.add(response);
    response.once('close', () => this.#answers.delete(response));
    const { socket } = request;
    const { clock, config, log } = this.#options;
    const { answerStallMs: stallMs, transferBytesPerSecond: bytesPerSecond } = config.limits;
    response.once('finish', () => {
      if (request.complete) return;
      // The body of an earlier request has arrived by now.
      this.#unread.get(socket)?.();
      const close = () => request.complete || socket.destroy();
      this.#unread.set(socket, clock.after(unreadBodyMs, close));
    });
    if (this.#watches.has(socket)) return;
    const movedBytes = () => socket.bytesWritten - socket.writableLength;
    const stop = watchPace(
      { clock, bytesPerSecond, stallMs, movedBytes, isWaiting: () => socket.writableLength > 0 },
      () => {
        log.info('slow_reader_closed', { address: socket.remoteAddress });
        socket.destroy();
      },
    );
    this.#watches.set(socket, stop);
    socket.once('close', () => {
      stop();
      this.#unread.get(socket)?.();
    });
  }

  #count(socket: Duplex): void {
    const { config, sessionConnections, log } = this.#options;
    const others = this.#connections.size - sessionConnections();
    if (others >= config.limits.pendingConnections) {
      socket.destroy();
      log.warn('server_connections_full', { limit: config.limits.pendingConnections });
      return;
    }
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
  }
}

function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use by another program. Stop it, or choose another port: --port 0 takes any free one.`;
    case 'EACCES':
      return `This user may not listen on port ${port}. Choose a port above 1023, for example --port 8080.`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine. Choose one of its own with --host.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${host} has no address. Choose an address of this machine with --host.`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${error.message}.`;
  }
}
