import { promises as dns, type LookupAddress } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { AddressPolicy } from './address-policy.ts';
import { OutgoingError } from './outgoing-error.ts';

/** All addresses of a host name, as `dns.lookup` gives them. */
export type Resolve = (hostName: string) => Promise<LookupAddress[]>;

export interface GuardedFetchOptions {
  policy: AddressPolicy;
  clock: Clock;
  resolve?: Resolve;
  /** Certificates to trust beside the usual ones (PEM). */
  ca?: string;
}

export interface OutgoingRequest {
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** The largest body to take. */
  maxBytes: number;
  /** From the call to the last byte, redirects included. */
  timeoutMs: number;
  /** The longest time without a byte. */
  idleMs: number;
  maxRedirects: number;
  signal: AbortSignal;
}

export interface Fetched {
  /** Where the last redirect led. */
  url: string;
  status: number;
  headers: IncomingMessage['headers'];
  body: Uint8Array;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What goes on to another origin; everything else may be a secret for the first one. */
const harmlessHeaders: ReadonlySet<string> = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);
const userAgent = 'parley';

/** One hop: where to, and what is sent. */
type Hop = Required<Pick<OutgoingRequest, 'method' | 'headers'>> & Pick<OutgoingRequest, 'body'> & { url: URL };

/** What hops have in common. */
interface Course {
  /** The host that the caller named: a message may name no other. */
  host: string;
  redirected: boolean;
  signal: AbortSignal;
  /** To be called with each sign of life. */
  alive: () => void;
}

/**
 * Requests to addresses that strangers name. Each host is resolved, none of its addresses may be private unless the
 * operator allows it, and the connection goes to an address that was checked, also after a redirect. Bodies are bounded in
 * size and time, and never decompressed. Proxies of the environment are not used.
 */
export class GuardedFetch {
  readonly #policy: AddressPolicy;
  readonly #clock: Clock;
  readonly #resolve: Resolve;
  readonly #ca: string | undefined;

  constructor({ policy, clock, resolve = lookupAll, ca }: GuardedFetchOptions) {
    this.#policy = policy;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#ca = ca;
  }

  /**
   * The answer, of whatever status.
   * @throws {OutgoingError} when there is none, or it breaks a bound
   * @throws the signal's reason when it fires
   */
  async fetch(address: string, request: OutgoingRequest): Promise<Fetched> {
    const timer = new Deadlines(this.#clock, request);
    const signal = AbortSignal.any([request.signal, timer.signal]);
    const { method = 'GET', headers = {}, body, maxBytes, maxRedirects } = request;
    let hop: Hop = {
      url: checkedUrl(address),
      method,
      headers: lowerCase(headers),
      ...(body !== undefined && { body }),
    };
    const host = hop.url.hostname;
    try {
      signal.throwIfAborted();
      for (let count = 0; ; count += 1) {
        const course: Course = { host, redirected: count > 0, signal, alive: () => timer.alive() };
        const response = await this.#send(hop, course);
        const status = response.statusCode ?? 0;
        const { location } = response.headers;
        if (!redirects.has(status) || location === undefined) {
          const bytes = await readBody(response, maxBytes, course);
          return { url: hop.url.href, status, headers: response.headers, body: bytes };
        }
        response.destroy();
        if (count === maxRedirects) {
          throw new OutgoingError('bad_redirect', `'${host}' redirects more than ${maxRedirects} times.`);
        }
        hop = nextHop(hop, status, location, host);
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw error;
    } finally {
      timer.stop();
    }
  }

  /** Resolves with the head of the answer; its body is still to come. */
  async #send({ url, method, headers, body }: Hop, course: Course): Promise<IncomingMessage> {
    const addresses = await this.#addressesOf(url, course);
    course.signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const secure = url.protocol === 'https:';
    const options: RequestOptions = {
      method,
      // The name stays in Host and in TLS; the connection goes where it was seen to lead.
      lookup: (_name, { all }, callback) => {
        if (all) return callback(null, addresses);
        const [first] = addresses;
        if (first) callback(null, first.address, first.family);
      },
      headers: {
        'user-agent': userAgent,
        ...headers,
        'accept-encoding': 'identity',
        ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
      },
      signal: course.signal,
    };
    // A connection is used once: another request may be for a name that leads elsewhere by then.
    const sent = secure
      ? httpsRequest(url, {
          ...options,
          agent: new HttpsAgent({ keepAlive: false, ...(this.#ca && { ca: this.#ca }) }),
        })
      : httpRequest(url, { ...options, agent: new HttpAgent({ keepAlive: false }) });
    sent.once('response', resolve);
    sent.on('socket', (socket) => socket.once('connect', course.alive));
    const fail = (detail: string) => reject(new OutgoingError('unreachable', unreachable(course), detail));
    sent.on('error', (error) => fail(error.message));
    // Node ends a request that is answered with 101 without another word.
    sent.on('close', () => fail('the connection ended without an answer'));
    sent.end(body);
    const response = await unlessAborted(promise, course.signal);
    course.alive();
    return response;
  }

  /** All of them, each of which may be connected to. */
  async #addressesOf(url: URL, course: Course): Promise<LookupAddress[]> {
    const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const literal = isIP(name);
    const addresses =
      literal === 0
        ? await unlessAborted(this.#resolve(name), course.signal).catch((error: unknown) => {
            course.signal.throwIfAborted();
            throw notAllowed(course, `${name} cannot be resolved: ${error instanceof Error ? error.message : error}`);
          })
        : [{ address: name, family: literal }];
    const refused = addresses.find(({ address }) => !this.#policy.allows(name, address));
    if (refused || addresses.length === 0) {
      throw notAllowed(course, refused ? `${name} is at ${refused.address}` : `${name} has no address`);
    }
    return addresses;
  }
}

/** The two bounds of time of one request. */
class Deadlines {
  readonly #abort = new AbortController();
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #cancelTotal: () => void;
  #cancelIdle: () => void;

  constructor(clock: Clock, { timeoutMs, idleMs }: Pick<OutgoingRequest, 'timeoutMs' | 'idleMs'>) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#cancelTotal = clock.after(timeoutMs, () => this.#expire(`it was not done within ${timeoutMs / 1000} s.`));
    this.#cancelIdle = this.#startIdle();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  alive(): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#startIdle();
  }

  stop(): void {
    this.#cancelTotal();
    this.#cancelIdle();
  }

  #startIdle(): () => void {
    return this.#clock.after(this.#idleMs, () => this.#expire(`nothing came for ${this.#idleMs / 1000} s.`));
  }

  #expire(message: string): void {
    this.#abort.abort(new OutgoingError('timeout', message));
  }
}

/**
 * A request's URL: http or https, without a user, its host in one form.
 * @throws {OutgoingError}
 */
function checkedUrl(address: string, base?: URL): URL {
  if (!URL.canParse(address, base)) throw new OutgoingError('bad_url', 'it is not a valid URL.');
  const url = new URL(address, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutgoingError('bad_url', 'it is neither an http: nor an https: URL.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new OutgoingError('bad_url', 'a URL with a user name or a password is not fetched.');
  }
  // The root's dot makes no other host, but would make another name of it.
  url.hostname = url.hostname.replace(/\.$/, '');
  url.hash = '';
  return url;
}

/** RFC 9110 §15.4. */
function nextHop({ url, method, headers, body }: Hop, status: number, location: string, host: string): Hop {
  let next: URL;
  try {
    next = checkedUrl(location, url);
  } catch {
    throw new OutgoingError('bad_redirect', `'${host}' redirects to something that is not fetched.`, location);
  }
  if (url.protocol === 'https:' && next.protocol !== 'https:') {
    throw new OutgoingError('bad_redirect', `'${host}' redirects from https: to http:.`);
  }
  const kept = next.origin === url.origin ? headers : onlyHarmless(headers);
  const repeats = status === 307 || status === 308 || method === 'GET';
  if (repeats) return { url: next, method, headers: kept, ...(body !== undefined && { body }) };
  const { 'content-type': _ofTheBody, ...rest } = kept;
  return { url: next, method: 'GET', headers: rest };
}

function onlyHarmless(headers: Hop['headers']): Hop['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmlessHeaders.has(name)));
}

function lowerCase(headers: Hop['headers']): Hop['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

async function readBody(response: IncomingMessage, maxBytes: number, { host, alive }: Course): Promise<Uint8Array> {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = response.headers;
  const tooLarge = () => new OutgoingError('too_large', `it is larger than ${maxBytes} bytes.`);
  try {
    if (encoding !== 'identity') {
      throw new OutgoingError('encoded', `'${host}' compresses its answer, which was not asked for.`);
    }
    if (Number(length) > maxBytes) throw tooLarge();
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      alive();
      size += chunk.length;
      if (size > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  } catch (error) {
    if (error instanceof OutgoingError) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    throw new OutgoingError('unreachable', `'${host}' broke off its answer.`, detail);
  } finally {
    response.destroy();
  }
}

/** The same for a name that is not there and one that leads inwards: which it is, is not for strangers to know. */
function notAllowed({ host, redirected }: Course, detail: string): OutgoingError {
  const message = redirected
    ? `'${host}' redirects to a host that this server does not connect to.`
    : `'${host}' is not a host that this server connects to, or it does not exist.`;
  return new OutgoingError('not_allowed', message, detail);
}

function unreachable({ host, redirected }: Course): string {
  return redirected ? `what '${host}' redirects to cannot be reached.` : `'${host}' cannot be reached.`;
}

function lookupAll(hostName: string): Promise<LookupAddress[]> {
  return dns.lookup(hostName, { all: true });
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
