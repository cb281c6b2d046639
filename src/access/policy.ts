/** Which requests are served, by their Host and Origin. */

import type { IncomingHttpHeaders } from 'node:http';
import { type Config, isLoopback } from '../config/config.ts';

export class AccessPolicy {
  readonly #config: Pick<Config, 'apiKeys' | 'origins' | 'hosts'>;

  constructor(config: Pick<Config, 'apiKeys' | 'origins' | 'hosts'>) {
    this.#config = config;
  }

  /**
   * Why a request is refused, as a message for its sender; undefined if it is allowed. Without keys, only local hosts
   * and origins are allowed: otherwise any page in a local browser could use the server, also through DNS rebinding (a
   * public name that resolves to 127.0.0.1).
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

  /** Programs other than browsers send no origin. */
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

/** Only a serialized origin: scheme, host and port. */
function isLocalPage(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname, origin: canonical } = new URL(origin);
  const isPage = protocol === 'http:' || protocol === 'https:';
  return isPage && canonical === origin.toLowerCase() && isLoopback(hostname);
}

function printable(header: string | undefined): string {
  return (header ?? '').slice(0, 128);
}
