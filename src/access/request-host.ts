import type { IncomingMessage } from 'node:http';

/**
 * Why the host of a request is ambiguous, as a clause; undefined if it is not. A proxy in front of this server may
 * interpret such a request differently (RFC 9112, sections 3.2 and 3.2.2; RFC 9110, section 7.2).
 */
export function hostProblem({ rawHeaders, headers, url = '' }: IncomingMessage): string | undefined {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length > 1) return 'it has more than one Host header';
  if (url.startsWith('/') || url === '*') return undefined;
  if (!URL.canParse(url)) return 'its target is neither a path nor an address';
  const { protocol, host, username, password } = new URL(url);
  const isHttp = protocol === 'http:' || protocol === 'https:';
  const named = `${protocol}//${headers.host ?? ''}`;
  const same = isHttp && username === '' && password === '' && URL.canParse(named) && new URL(named).host === host;
  return same ? undefined : 'its target names another host than the Host header';
}
