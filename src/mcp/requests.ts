import type { HttpTarget } from './configured-server.ts';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Adds the headers of a target to requests to its origin, and only to those. */
export function fetchWithHeaders(fetch: Fetch, { url, headers, authorization }: HttpTarget): Fetch {
  const { origin } = new URL(url);
  return (address, init = {}) => {
    const sent = new Headers(init.headers);
    if (new URL(address).origin === origin) {
      for (const [name, value] of Object.entries(headers)) sent.set(name, value);
      if (authorization !== undefined) sent.set('authorization', bearer(authorization));
    }
    return fetch(address, { ...init, headers: sent });
  };
}

/** Some clients send a token with its scheme. */
function bearer(authorization: string): string {
  return /^[A-Za-z]+ /.test(authorization) ? authorization : `Bearer ${authorization}`;
}
