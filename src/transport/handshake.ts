/** What a client says about itself when it asks for a WebSocket, before anything is granted. */

import type { IncomingMessage } from 'node:http';
import type { Dialect, Dialects } from '../protocol/dialect.ts';

/** Where clients connect. */
export const realtimePath = '/v1/realtime';
/** Where Azure's clients of the beta dialect connect, and those of GA. */
const azureBetaPath = '/openai/realtime';
const azurePath = '/openai/v1/realtime';

const keyProtocolPrefix = 'openai-insecure-api-key.';
const betaProtocol = 'openai-beta.realtime-v1';

export interface Handshake {
  /** Whether the request is for the place where WebSockets are. */
  readonly isRealtime: boolean;
  readonly query: URLSearchParams;
  /** The model, or what Azure calls a deployment of one. */
  readonly model: string | undefined;
  /** The first key found: `Authorization: Bearer`, Azure's `api-key` (header or query), or a browser's subprotocol. */
  readonly presentedKey: string | undefined;
  readonly wantsBeta: boolean;
}

/** Reads a request; undefined when its target is not a path. */
export function readHandshake(request: IncomingMessage): Handshake | undefined {
  const target = request.url ?? '';
  if (!target.startsWith('/') || !URL.canParse(`http://localhost${target}`)) return undefined;
  const { pathname, searchParams } = new URL(`http://localhost${target}`);
  const protocols = offeredProtocols(request);
  return {
    isRealtime: [realtimePath, azureBetaPath, azurePath].includes(pathname),
    query: searchParams,
    model: searchParams.get('model') || searchParams.get('deployment') || undefined,
    presentedKey: presentedKey(request, protocols, searchParams),
    wantsBeta:
      pathname === azureBetaPath ||
      (pathname === realtimePath && searchParams.has('api-version')) ||
      announcesBeta(request, protocols),
  };
}

/** The dialect that a client speaks: each has its own, whatever others of the same session speak. */
export function selectDialect(handshake: Handshake, dialects: Dialects): Dialect {
  return handshake.wantsBeta ? dialects.beta : dialects.ga;
}

/**
 * The subprotocol to select: `realtime` when it is offered, else the first that is not a key, because clients end
 * the connection when they offered some and none is selected. Never a key: it would be sent back.
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
  const bearer = /^bearer +(.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim();
  const azure = request.headers['api-key'];
  const insecure = protocols.find((name) => name.startsWith(keyProtocolPrefix))?.slice(keyProtocolPrefix.length);
  return bearer ?? (typeof azure === 'string' ? azure : undefined) ?? insecure ?? query.get('api-key') ?? undefined;
}

/** The header's value is searched for its token: other beta headers of the same SDKs say `assistants=v2`. */
function announcesBeta(request: IncomingMessage, protocols: readonly string[]): boolean {
  const header = [request.headers['openai-beta'] ?? []].flat().join(',');
  const tokens = header.split(',').map((token) => token.trim());
  return tokens.includes('realtime=v1') || protocols.includes(betaProtocol);
}

function offeredProtocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'] ?? '';
  return header.split(',').map((name) => name.trim());
}
