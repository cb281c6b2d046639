import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../log.ts';
import { apiErrorOf } from '../protocol/errors/api-error.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { watchPace } from './pace.ts';
import type { Certificate } from './tls.ts';

export interface ListenerOptions {
  config: Pick<Config, 'host' | 'port' | 'limits'>;
  /** What answers plain HTTP. */
  app: { fetch: Parameters<typeof getRequestListener>[0] };
  onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Connections that belong to a session: all others count against the limit of those that do not. */
  sessionConnections: () => number;
  certificate: Certificate | undefined;
  clock: Clock;
  log: Log;
}

/** The address cannot be listened on; the message says why and what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Twice the time that a browser leaves between two requests of a page. */
const keepAliveMs = 5000;
/** What a client may ask for on one connection: all that it sends ahead of the answers is worked on at once. */
const requestsPerConnection = 100;

/** What is read of a body ahead of its route: in chunks of one byte, each of them costs a microsecond. */
const queuedBytes = 16 * 1024;
/** How long a client goes on sending the body of a request that is answered already: time to read that answer. */
const unreadBodyMs = 500;

/** The one port: plain HTTP goes to the app, WebSockets to whoever takes upgrades. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  readonly #connections = new Set<Duplex>();
  /** Answers that are not complete. */
  readonly #answers = new Set<ServerResponse>();
  /** Ends the watch over a connection's answers. */
  readonly #watches = new WeakMap<Duplex, () => void>();

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
    this.#server.on('request', (request, response) => this.#watch(request, response));
    this.#server.on('upgrade', (request, socket, head) => {
      this.#watches.get(socket)?.();
      options.onUpgrade(request, socket, head);
    });
    this.#server.on('connection', (socket) => this.#count(socket));
    // A client that breaks off its TLS handshake, which happens all the time with certificates that are not trusted.
    this.#server.on('tlsClientError', (error) => options.log.debug('tls_failed', { reason: error.message }));
  }

  /** @throws {ListenError} when the address cannot be had */
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

  /** Resolves once the requests under way, WebSockets aside, have been answered. */
  async drain(): Promise<void> {
    const closed = (response: ServerResponse) => new Promise((resolve) => response.once('close', resolve));
    await Promise.all([...this.#answers].map(closed));
  }

  /** How many there are, those of sessions included. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Takes no more connections, ends those that are not WebSockets, and cuts off what is left after the grace. */
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

  /** A request that did not get as far as the app: its address or its headers make no sense. */
  #unanswerable(error: unknown): Response {
    if (error instanceof RequestError) {
      return Response.json(apiErrorOf(httpErrors.badRequest(error.message)), { status: 400 });
    }
    this.#options.log.error('http_failed', { error });
    return Response.json(apiErrorOf(httpErrors.internal()), { status: 500 });
  }

  /** Closes the connection of a client that does not read its answers, or goes on sending a body that nobody reads. */
  #watch(request: IncomingMessage, response: ServerResponse): void {
    this.#answers.add(response);
    response.once('close', () => this.#answers.delete(response));
    const { socket } = request;
    const { clock, config, log } = this.#options;
    const { answerStallMs: stallMs, transferBytesPerSecond: bytesPerSecond } = config.limits;
    response.once('finish', () => {
      if (request.complete) return;
      const cancel = clock.after(unreadBodyMs, () => {
        socket.off('close', cancel);
        if (!request.complete) socket.destroy();
      });
      socket.once('close', cancel);
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
    socket.once('close', stop);
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
