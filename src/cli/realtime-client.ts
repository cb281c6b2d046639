/** A client of a Realtime endpoint, for `ask`, benchmarks, comparisons with recordings, and tests. */

import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import { connectionProblem } from '../core/connection-problem.ts';
import { isJsonObject, tryParseJson } from '../core/json.ts';
import type { ServerEvent, ServerEventOf, ServerEventType } from '../protocol/wire/server-events.ts';

/** The endpoint cannot be reached, or has closed the connection. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export interface RealtimeClientOptions extends ClientOptions {
  protocols?: readonly string[];
}

export class RealtimeClient {
  readonly socket: WebSocket;
  /** The close frame, or code 1006 if the connection was cut or never opened. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Resolves with the reason when the connection cannot be opened or has ended. */
  readonly lost: Promise<ConnectionError>;
  readonly #lost = Promise.withResolvers<ConnectionError>();
  readonly #url: URL;
  readonly #events: ServerEvent[] = [];
  #listener: ((event: ServerEvent) => void) | undefined;
  #wake: () => void = () => {};
  #ended = false;

  /** Options are those of `ws`. */
  constructor(url: string | URL, { protocols = [], ...options }: RealtimeClientOptions = {}) {
    this.#url = new URL(url);
    this.lost = this.#lost.promise;
    this.socket = new WebSocket(url, [...protocols], options);
    this.socket.on('message', (data, isBinary) => this.receive(isBinary ? '' : data.toString()));
    this.socket.on('unexpected-response', (_request, { statusCode, statusMessage }: IncomingMessage) => {
      const { host, pathname } = this.#url;
      this.end(
        `${host} answered ${statusCode} ${statusMessage} instead of opening a WebSocket: is ${pathname} the path of its Realtime endpoint?`,
      );
    });
    let describe = describeFailure;
    this.socket.on('open', () => {
      describe = ({ message }, { host }) => `The connection to ${host} broke: ${message}`;
    });
    this.socket.on('error', (error) => this.#lose(describe(error, this.#url)));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        this.#lose(describeClose(code, reason.toString()));
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  send(event: object): void {
    this.socket.send(JSON.stringify(event));
  }

  /** From now on, passes each event to `listener` as it arrives, instead of to `next`. */
  listen(listener: (event: ServerEvent) => void): void {
    for (const event of this.#events.splice(0)) listener(event);
    this.#listener = listener;
  }

  /** The number of events that wait for `next`. */
  get waiting(): number {
    return this.#events.length;
  }

  /** Waits for the next event until the connection ends, or for `ms`; undefined if none came. */
  async nextWithin(ms: number): Promise<ServerEvent | undefined> {
    if (this.#events.length === 0 && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
    return this.#events.shift();
  }

  /**
   * The next event.
   * @throws {ConnectionError} when the connection ends without one
   */
  async next(): Promise<ServerEvent> {
    const event = await this.nextWithin(Infinity);
    if (event === undefined) throw await this.lost;
    return event;
  }

  /** The next event of a type; earlier ones are dropped. */
  async until<T extends ServerEventType>(type: T): Promise<ServerEventOf<T>> {
    for (;;) {
      const event = await this.next();
      if (isOfType(event, type)) return event;
    }
  }

  close(): void {
    this.socket.close(1000);
  }

  /** Cuts the connection because of a problem. */
  end(problem: string): void {
    this.#lose(problem);
    this.socket.terminate();
  }

  protected receive(text: string): void {
    const event = tryParseJson(text);
    if (!isEvent(event)) return this.end(`${this.#url.host} sent a message that is not a Realtime event.`);
    if (this.#listener) return this.#listener(event);
    this.#events.push(event);
    this.#wake();
  }

  /** Only the first reason counts. */
  #lose(problem: string): void {
    this.#ended = true;
    this.#lost.resolve(new ConnectionError(problem));
    this.#wake();
  }
}

function isOfType<T extends ServerEventType>(event: ServerEvent, type: T): event is ServerEventOf<T> {
  return event.type === type;
}

/** The fields of an event follow from its type; the server is trusted to comply. */
function isEvent(value: unknown): value is ServerEvent {
  return isJsonObject(value) && typeof value.type === 'string';
}

function describeFailure(error: Error, url: URL): string {
  const { code, problem } = connectionProblem(error);
  const secure = url.protocol === 'wss:' || url.protocol === 'https:';
  // A port without TLS answers with something else, or closes the connection.
  if (secure && (code === 'EPROTO' || code === 'ECONNRESET' || code.startsWith('ERR_SSL_'))) {
    return `${url.host} does not speak TLS as wss:// needs it. Is it a server without TLS? Try ${addressOf(url, 'ws:')}`;
  }
  if (!secure && code === 'ECONNRESET') {
    return `${url.host} closed the connection without an answer. Does it require TLS? Try ${addressOf(url, 'wss:')}`;
  }
  if (problem === undefined) return `Cannot connect to ${url.host}: ${error.message}`;
  let hint = '';
  if (code === 'ECONNREFUSED') hint = ' Is Parley running? Start it with `npm start`.';
  if (problem.includes('certificate')) {
    hint = ' If you trust the server, for example one started with --tls self-signed, add --insecure.';
  }
  return `${url.host} ${problem}.${hint}`;
}

/** The same URL with another scheme, without the parameters that were added. */
function addressOf({ host, pathname }: URL, protocol: string): string {
  return `${protocol}//${host}${pathname}`;
}

function describeClose(code: number, reason: string): string {
  const hint = code === 3000 ? ' Give a valid key with --key.' : '';
  return `The server closed the connection: ${code}${reason === '' ? '' : ` ${reason}`}.${hint}`;
}
