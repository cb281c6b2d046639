/** Parses the request that opens a WebSocket. */

import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../../access/callers.ts';
import { keyInHeaders, projectInHeaders } from '../../access/credentials.ts';
import type { Dialect } from '../../protocol/dialect.ts';

/** The path for clients. */
export const realtimePath = '/v1/realtime';
/** The paths of Azure's clients, beta and GA. */
const azureBetaPath = '/openai/realtime';
const azurePath = '/openai/v1/realtime';

const keyProtocolPrefix = 'openai-insecure-api-key.';
const projectProtocolPrefix = 'openai-project.';
const betaProtocol = 'openai-beta.realtime-v1';

export interface Handshake {
  /** Whether the path is one of the WebSocket endpoints. */
  readonly isRealtime: boolean;
  readonly query: URLSearchParams;
  /** The kind of session, if it is not realtime. */
  readonly intent: string | undefined;
  /** The call to attach to. */
  readonly callId: string | undefined;
  /** The model, or Azure's deployment. */
  readonly model: string | undefined;
  /** The first key found: `Authorization: Bearer`, Azure's `api-key` (header or query), or a browser's subprotocol. */
  readonly credentials: Credentials;
  /** The origin of the page, as its browser reports it. */
  readonly origin: string | undefined;
  /** The requested dialect; undefined if unspecified: GA, unless the client secret is of the other. */
  readonly announced: Dialect['name'] | undefined;
}

/** Parses a request; undefined if its target is neither a path nor a URL (RFC 9112, section 3.2). */
export function readHandshake(request: IncomingMessage): Handshake | undefined {
  const target = request.url ?? '';
  const address = target.startsWith('/') ? `http://localhost${target}` : target;
  if (!URL.canParse(address)) return undefined;
  const { pathname, searchParams } = new URL(address);
  const protocols = offeredProtocols(request);
  return {
    isRealtime: [realtimePath, azureBetaPath, azurePath].includes(pathname),
    query: searchParams,
    intent: searchParams.get('intent') ?? undefined,
    callId: searchParams.get('call_id') ?? undefined,
    model: searchParams.get('model') || searchParams.get('deployment') || undefined,
    credentials: {
      key: presentedKey(request, protocols, searchParams),
      project: projectInHeaders(request.headers) ?? protocolValue(protocols, projectProtocolPrefix),
    },
    origin: request.headers.origin,
    announced: announcedDialect(request, pathname, { protocols, query: searchParams }),
  };
}

/**
 * The subprotocol to select: `realtime` if it is offered, otherwise the first that is not a key, because clients close
 * the connection when they offered some and none is selected. Never a key, which would be echoed.
 */
export function selectSubprotocol(offered: Iterable<string>): string | false {
  const names = [...offered].filter((name) => !name.toLowerCase().startsWith(keyProtocolPrefix));
  return names.includes('realtime') ? 'realtime' : (names[0] ?? false);
}

function presentedKey(
  request: IncomingMessage,
  protocols: readonly string[],
  query: URLSearchParams,
): string | undefined {
  return (
    keyInHeaders(request.headers) ?? protocolValue(protocols, keyProtocolPrefix) ?? query.get('api-key') ?? undefined
  );
}

function protocolValue(protocols: readonly string[], prefix: string): string | undefined {
  return protocols.find((name) => name.startsWith(prefix))?.slice(prefix.length);
}

function announcedDialect(
  request: IncomingMessage,
  pathname: string,
  { protocols, query }: { protocols: readonly string[]; query: URLSearchParams },
): Handshake['announced'] {
  if (pathname === azureBetaPath || announcesBeta(request, protocols)) return 'beta';
  if (pathname === azurePath) return 'ga';
  return pathname === realtimePath && query.has('api-version') ? 'beta' : undefined;
}

/** Searches the header's value for the token: other beta headers of the same SDKs say `assistants=v2`. */
function announcesBeta(request: IncomingMessage, protocols: readonly string[]): boolean {
  const header = [request.headers['openai-beta'] ?? []].flat().join(',');
  const tokens = header.split(',').map((token) => token.trim());
  return tokens.includes('realtime=v1') || protocols.includes(betaProtocol);
}

function offeredProtocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header.split(',').map((name) => name.trim());
}
