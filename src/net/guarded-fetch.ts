import { promises as dns, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { AddressPolicy } from './address-policy.ts';
import { HttpClient } from './http-client.ts';
import type { HttpTimeouts } from './http-exchange.ts';
import { HttpFailure } from './http-failure.ts';
import { OutgoingError } from './outgoing-error.ts';

/** All addresses of a host name, as `dns.lookup` returns them. */
export type Resolve = (hostName: string) => Promise<LookupAddress[]>;

export interface GuardedFetchOptions {
  policy: AddressPolicy;
  clock: Clock;
  /** Maximum time without a byte. */
  idleMs?: number;
  /** Time limits of the stages of a response; by default each is `idleMs`. */
  timeouts?: HttpTimeouts;
  /** Maximum size of a body. */
  maxBytes?: number;
  /** Use a connection, whose address was checked, for further requests to the same host. */
  keepAlive?: boolean;
  maxRedirects?: number;
  resolve?: Resolve;
  /** Trusted certificates that replace the default ones (PEM). */
  ca?: string;
}

export interface WholeRequest extends RequestInit {
  /** Maximum size of a body. */
  maxBytes: number;
  /** Maximum time from the call to the last byte, redirects included. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface Fetched {
  /** The URL of the last redirect. */
  url: string;
  status: number;
  body: Uint8Array;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Also sent to another origin; any other header may be a secret of the first one. */
const harmlessHeaders: ReadonlySet<string> = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

/** An address that the policy refuses, or a name without addresses. The message is for the operator's log. */
class AddressRefused extends Error {}

/**
 * Requests to URLs from clients. Each host is resolved, and none of its addresses may be private unless the operator
 * allows it. The connection goes to a checked address, also after a redirect and for an IP address in the URL.
 */
export class GuardedFetch {
  readonly #clock: Clock;
  readonly #client: HttpClient;
  readonly #maxRedirects: number;

  constructor({ policy, clock, idleMs = 5000, maxRedirects = 5, resolve = lookupAll, ...more }: GuardedFetchOptions) {
    this.#clock = clock;
    this.#maxRedirects = maxRedirects;
    this.#client = new HttpClient({
      clock,
      timeouts: { connectMs: idleMs, firstByteMs: idleMs, idleMs },
      resolve: (host) => allowedAddresses(host, policy, resolve),
      ...more,
    });
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.#client.close();
  }

  /**
   * Like the global `fetch`: returns the response, of any status. Its body is streamed. With `redirect: 'manual'`, a
   * redirect is returned too.
   * @throws {OutgoingError} when there is no response; the body fails with an `HttpFailure`
   * @throws the signal's reason when it is aborted
   */
  readonly fetch = async (address: string | URL, { method = 'GET', ...init }: RequestInit = {}): Promise<Response> => {
    let url = checkedUrl(String(address));
    const host = url.hostname;
    let hop: RequestInit = { ...init, method };
    for (let count = 0; ; count += 1) {
      const response = await this.#client.fetch(url, hop).catch((error: unknown) => {
        throw outgoingError(error, host, count > 0);
      });
      const location = response.headers.get('location');
      if (!redirects.has(response.status) || location === null || init.redirect === 'manual') {
        const encoding = response.headers.get('content-encoding') ?? 'identity';
        if (encoding === 'identity') return Object.defineProperty(response, 'url', { value: url.href });
        await response.body?.cancel();
        throw new OutgoingError('encoded', `'${host}' compresses its answer, which was not asked for.`);
      }
      await response.body?.cancel();
      if (count === this.#maxRedirects) {
        throw new OutgoingError('bad_redirect', `'${host}' redirects more than ${this.#maxRedirects} times.`);
      }
      const next = redirectedUrl(location, url, host);
      hop = nextHop(hop, response.status, next.origin === url.origin);
      url = next;
    }
  };

  /** The complete response. @throws as `fetch`, also when the response exceeds a limit */
  async fetchWhole(address: string, { maxBytes, timeoutMs, signal, ...init }: WholeRequest): Promise<Fetched> {
    const timeout = new AbortController();
    const cancel = this.#clock.after(timeoutMs, () =>
      timeout.abort(new OutgoingError('timeout', `it was not done within ${timeoutMs / 1000} s.`)),
    );
    const either = AbortSignal.any([signal, timeout.signal]);
    try {
      const response = await this.fetch(address, { ...init, signal: either });
      const body = await readBytes(response, maxBytes).catch((error: unknown) => {
        throw outgoingError(error, new URL(checkedUrl(address)).hostname, false, 'broke off its answer');
      });
      return { url: response.url, status: response.status, body };
    } catch (error) {
      either.throwIfAborted();
      throw error;
    } finally {
      cancel();
    }
  }
}

/** All addresses of a host, each of which is allowed. */
async function allowedAddresses(name: string, policy: AddressPolicy, resolve: Resolve): Promise<LookupAddress[]> {
  const literal = isIP(name);
  const addresses = literal === 0 ? await resolve(name).catch(refused(name)) : [{ address: name, family: literal }];
  const bad = addresses.find(({ address }) => !policy.allows(name, address));
  if (bad) throw new AddressRefused(`${name} is at ${bad.address}`);
  if (addresses.length === 0) throw new AddressRefused(`${name} has no address`);
  return addresses;
}

const refused = (name: string) => (error: unknown) => {
  throw new AddressRefused(`${name} cannot be resolved: ${messageOf(error)}`);
};

/**
 * Normalizes a request's URL: http or https, without credentials.
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
  // A trailing dot denotes the same host, but would be another name of it.
  url.hostname = url.hostname.replace(/\.$/, '');
  url.hash = '';
  return url;
}

function redirectedUrl(location: string, from: URL, host: string): URL {
  let next: URL;
  try {
    next = checkedUrl(location, from);
  } catch {
    throw new OutgoingError('bad_redirect', `'${host}' redirects to something that is not fetched.`, location);
  }
  if (from.protocol === 'https:' && next.protocol !== 'https:') {
    throw new OutgoingError('bad_redirect', `'${host}' redirects from https: to http:.`);
  }
  return next;
}

/** RFC 9110 §15.4. */
function nextHop({ body, ...init }: RequestInit, status: number, sameOrigin: boolean): RequestInit {
  const headers = new Headers(init.headers);
  for (const name of [...headers.keys()]) if (!sameOrigin && !harmlessHeaders.has(name)) headers.delete(name);
  if (status === 307 || status === 308 || init.method === 'GET') return { ...init, headers, ...(body && { body }) };
  headers.delete('content-type');
  return { ...init, headers, method: 'GET' };
}

async function readBytes(response: Response, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () => new OutgoingError('too_large', `it is larger than ${maxBytes} bytes.`);
  if (Number(response.headers.get('content-length')) > maxBytes) {
    await response.body?.cancel();
    throw tooLarge();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Describes a failure to the client, who named `host` and must not learn of others. */
function outgoingError(error: unknown, host: string, redirected: boolean, problem = 'cannot be reached'): unknown {
  if (!(error instanceof HttpFailure)) return error;
  if (error.timeoutMs !== undefined) {
    return new OutgoingError('timeout', `nothing came for ${error.timeoutMs / 1000} s.`);
  }
  if (error.cause instanceof AddressRefused) {
    // The same for an unknown name and a private address: clients must not learn which it is.
    const message = redirected
      ? `'${host}' redirects to a host that this server does not connect to.`
      : `'${host}' is not a host that this server connects to, or it does not exist.`;
    return new OutgoingError('not_allowed', message, error.cause.message);
  }
  const who = redirected ? `what '${host}' redirects to` : `'${host}'`;
  return new OutgoingError('unreachable', `${who} ${problem}.`, error.message);
}

function lookupAll(hostName: string): Promise<LookupAddress[]> {
  return dns.lookup(hostName, { all: true });
}
