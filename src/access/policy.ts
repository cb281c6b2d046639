/** Which requests are looked at: by the name that the server is called, and the page that calls it. */

import type { IncomingHttpHeaders } from 'node:http';
import { type Config, isLoopback } from '../config/config.ts';

export class AccessPolicy {
  readonly #config: Pick<Config, 'apiKeys' | 'origins' | 'hosts'>;

  constructor(config: Pick<Config, 'apiKeys' | 'origins' | 'hosts'>) {
    this.#config = config;
  }

  /**
   * Why a request may not come this way, in words for its sender; undefined when it may. Without keys, only this
   * machine's own pages and names pass: otherwise any page that its user visits could use the server, also by
   * pointing a name of its own at 127.0.0.1 (DNS rebinding).
   */
  refusal(headers: IncomingHttpHeaders): string | undefined {
    const { host, origin } = headers;
    if (!this.#hostAllowed(host)) {
      return `The Host header '${printable(host)}' is not a name of this server. Add it to the option "hosts" to allow it.`;
    }
    if (!this.#originAllowed(origin)) {
      return `Pages of the origin '${printable(origin)}' may not connect. Add it to the option "origins" to allow it.`;
    }
    return undefined;
  }

  #hostAllowed(host: string | undefined): boolean {
    const { apiKeys, hosts } = this.#config;
    if (apiKeys.length > 0 && hosts.length === 0) return true;
    const name = hostNameOf(host);
    if (name === undefined) return false;
    return hosts.some((allowed) => allowed.toLowerCase() === name) || (apiKeys.length === 0 && isLoopback(name));
  }

  /** Programs that are not browsers send no origin. */
  #originAllowed(origin: string | undefined): boolean {
    if (origin === undefined) return true;
    const { apiKeys, origins } = this.#config;
    if (apiKeys.length > 0 && origins.length === 0) return true;
    return (
      origins.some((allowed) => allowed.toLowerCase() === origin.toLowerCase()) ||
      (apiKeys.length === 0 && isLocalPage(origin))
    );
  }
}

function hostNameOf(host: string | undefined): string | undefined {
  if (host === undefined || !/^[\w.:[\]-]+$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname;
}

/** Only an origin as browsers write it: nothing beside scheme, host and port. */
function isLocalPage(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname, origin: canonical } = new URL(origin);
  const isPage = protocol === 'http:' || protocol === 'https:';
  return isPage && canonical === origin.toLowerCase() && isLoopback(hostname);
}

function printable(header: string | undefined): string {
  return (header ?? '').slice(0, 128);
}
