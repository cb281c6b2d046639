import type { LookupAddress } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Agent, buildConnector, Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import { HttpExchange, type HttpTimeouts } from './http-exchange.ts';
import { HttpFailure } from './http-failure.ts';

export interface HttpClientOptions {
  clock: Clock;
  timeouts: HttpTimeouts;
  /** Maximum size of a response body. */
  maxBytes?: number;
  /**
   * Returns the addresses to connect to, for the host name or the IP address of a URL. Connections are then not reused,
   * because the name may have other addresses later, unless `keepAlive` allows it.
   */
  resolve?: (host: string) => Promise<LookupAddress[]>;
  keepAlive?: boolean;
  /** Trusted certificates that replace the default ones (PEM). */
  ca?: string;
  /**
   * Sends a request again, once, if the server closed a reused connection before any byte of the response. Only for
   * requests that may be repeated.
   */
  resend?: boolean;
}

/** A server may close an idle connection earlier, which it announces in `Keep-Alive`. */
const keepAliveMs = 10 * 60_000;
const userAgent = 'parley';

/**
 * HTTP/1.1 with the interface of `fetch`, over its own connections. It does not follow redirects, decompress, or use
 * proxies of the environment. The body of a request is text, bytes or a form, whose files are read while they are sent;
 * responses are streamed.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  #agent: Promise<Agent> | undefined;
  #loaded: Agent | undefined;
  /** Errors of connections that have served a request before. */
  readonly #errorsOfReused = new WeakSet<Error>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Whether an idle connection is open. */
  get warm(): boolean {
    return Object.values(this.#loaded?.stats ?? {}).some((pool) => 'free' in pool && pool.free > 0);
  }

  /**
   * Loads undici ahead of the first request, which blocks the event loop for about 100 ms. Loaded on demand otherwise,
   * because many servers never make a request.
   */
  load(): void {
    this.#agent ??= this.#load();
    // The first request reports the failure.
    this.#agent.catch(() => {});
  }

  async close(): Promise<void> {
    await (await this.#agent)?.destroy();
  }

  /**
   * @throws {HttpFailure} when there is no response; its body can also fail with one
   * @throws the reason of `init.signal` when it is aborted
   */
  readonly fetch = async (input: string | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input);
    const headers = new Headers(init.headers);
    const body = await bodyOf(init.body);
    if (!headers.has('user-agent')) headers.set('user-agent', userAgent);
    headers.set('accept-encoding', 'identity');
    const request = {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: init.method ?? 'GET',
      headers: Object.fromEntries(headers),
      body,
    };
    const send = () => this.#send(request, init.signal ?? undefined);
    const { resend = false } = this.#options;
    return send().catch((error: unknown) => (resend && this.#isStale(error) ? send() : Promise.reject(error)));
  };

  #send(request: Dispatcher.DispatchOptions, signal: AbortSignal | undefined): Promise<Response> {
    const exchange = new HttpExchange({ ...this.#options, signal });
    this.#agent ??= this.#load();
    this.#agent.then((agent) => agent.dispatch(request, exchange)).catch((error) => exchange.fail(error));
    return exchange.response;
  }

  /** Whether a request failed because a reused connection was closed before any byte of a response. */
  #isStale(error: unknown): boolean {
    return error instanceof HttpFailure && error.unanswered && this.#errorsOfReused.has(error.cause as Error);
  }

  async #load(): Promise<Agent> {
    const { Agent } = await import('undici');
    this.#loaded = new Agent({
      allowH2: false,
      connect: (target, callback) => this.#connect(target, callback),
      // The deadlines are those of the exchange, on its clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
      pipelining: this.#options.resolve && !this.#options.keepAlive ? 0 : 1,
    });
    return this.#loaded;
  }

  /** Opens a connection, within its time limit. */
  #connect({ hostname, port, protocol, servername }: buildConnector.Options, callback: buildConnector.Callback): void {
    const { clock, timeouts, resolve, ca } = this.#options;
    let socket: Socket | undefined;
    const secure = protocol === 'https:';
    const open = (addresses?: LookupAddress[]) => {
      if (isOver) return;
      const target = {
        host: hostname,
        port: Number(port || (secure ? 443 : 80)),
        ...(addresses && { lookup: lookupIn(addresses) }),
      };
      const name = servername ?? (isIP(hostname) === 0 ? hostname : undefined);
      socket = secure
        ? connectTls({ ...target, servername: name, ca, ALPNProtocols: ['http/1.1'] })
        : connectTcp(target);
      const opened = socket;
      opened.setNoDelay(true);
      opened.once(secure ? 'secureConnect' : 'connect', () => end(null, opened));
      opened.on('error', (error) => {
        if (opened.bytesRead > 0) this.#errorsOfReused.add(error);
        end(error, null);
      });
    };
    let isOver = false;
    const end: buildConnector.Callback = (...result) => {
      if (isOver) return;
      isOver = true;
      cancel();
      callback(...result);
    };
    const cancel = clock.after(timeouts.connectMs, () => {
      end(new HttpFailure('it took too long to connect'), null);
      socket?.destroy();
    });
    if (resolve) resolve(hostname).then(open, (error: Error) => end(error, null));
    else open();
  }
}

/** A lookup that returns addresses that are already known. */
function lookupIn(addresses: LookupAddress[]): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = addresses;
    if (all) callback(null, addresses);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** Converts a request's body: undici only accepts its own class of forms; the files in them are not copied. */
async function bodyOf(body: RequestInit['body']): Promise<Dispatcher.DispatchOptions['body']> {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (!(body instanceof FormData)) throw new TypeError('The body of a request must be text, bytes or a form');
  const { FormData: SentForm } = await import('undici');
  const form = new SentForm();
  for (const [name, value] of body) form.append(name, value);
  return form;
}
