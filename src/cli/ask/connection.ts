/** A WebSocket to a Realtime endpoint, with helpful error messages. */

import type { IncomingMessage } from 'node:http';
import { type RawData, WebSocket } from 'ws';
import { tryParseJson } from '../../core/json.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { ServerEvent } from '../../protocol/wire/server-events.ts';
import type { AskOptions } from './options.ts';

/** Larger than any event of a Realtime session. */
const maxPayloadBytes = 32 * 1024 * 1024;
const handshakeTimeoutMs = 10_000;

/** The endpoint cannot be reached, or has closed the connection. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export interface Connection {
  send(event: ClientEvent): void;
  /** Bytes waiting to be sent. */
  readonly bufferedBytes: number;
  close(): void;
}

export interface ConnectionListener {
  onEvent(event: ServerEvent): void;
  /** The connection was closed by the other side. */
  onEnd(error: ConnectionError): void;
}

/** @throws {ConnectionError} when the endpoint does not answer as a WebSocket. */
export async function connect(
  options: Pick<AskOptions, 'url' | 'model' | 'key' | 'insecure'>,
  listener: ConnectionListener,
): Promise<Connection> {
  const url = new URL(options.url);
  if (!url.searchParams.has('model')) url.searchParams.set('model', options.model);
  const headers = options.key === undefined ? {} : { Authorization: `Bearer ${options.key}` };
  const socket = new WebSocket(url, {
    headers,
    maxPayload: maxPayloadBytes,
    handshakeTimeout: handshakeTimeoutMs,
    perMessageDeflate: false,
    rejectUnauthorized: !options.insecure,
  });
  let closing = false;
  socket.on('message', (data, isBinary) => {
    const event = isBinary ? null : parseEvent(data);
    if (event === null) {
      socket.terminate();
      listener.onEnd(new ConnectionError(`${url.host} sent a message that is not a Realtime event.`));
    } else {
      listener.onEvent(event);
    }
  });
  await waitForOpen(socket, url);
  socket.on('error', (error) =>
    listener.onEnd(new ConnectionError(`The connection to ${url.host} broke: ${error.message}`)),
  );
  socket.on('close', (code, reason) => {
    if (!closing) listener.onEnd(new ConnectionError(describeClose(code, reason.toString())));
  });
  return {
    send: (event) => socket.send(JSON.stringify(event)),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close() {
      closing = true;
      socket.close(1000);
    },
  };
}

function waitForOpen(socket: WebSocket, url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.removeAllListeners('error');
      socket.removeAllListeners('unexpected-response');
      resolve();
    });
    socket.once('error', (error) => reject(new ConnectionError(describeFailure(error, url))));
    socket.once('unexpected-response', (request, response: IncomingMessage) => {
      request.destroy();
      reject(
        new ConnectionError(
          `${url.host} answered ${response.statusCode} ${response.statusMessage} instead of opening a WebSocket: ` +
            `is ${url.pathname} the path of its Realtime endpoint?`,
        ),
      );
    });
  });
}

/** OpenSSL's codes for an untrusted certificate: self-signed, or of a private authority. */
const untrusted: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function describeFailure(error: Error, url: URL): string {
  const code = 'code' in error ? error.code : undefined;
  const secure = url.protocol === 'wss:' || url.protocol === 'https:';
  if (code === 'ECONNREFUSED') {
    return `Nothing listens at ${url.host}. Is Parley running? Start it with \`npm start\`.`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `The host name ${url.hostname} is not known.`;
  if (untrusted.has(code)) {
    return (
      `This machine does not trust the certificate of ${url.host}. ` +
      'If it is a server of your own, such as one started with --tls self-signed, add --insecure.'
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `The certificate of ${url.host} is for another name. If it is a server of your own, add --insecure.`;
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `The certificate of ${url.host} has expired. If it is a server of your own, add --insecure.`;
  }
  // A port without TLS answers with something else, or closes the connection.
  if (secure && (code === 'EPROTO' || code === 'ECONNRESET' || String(code).startsWith('ERR_SSL_'))) {
    return `${url.host} does not speak TLS as wss:// needs it. Is it a server without TLS? Try ${addressOf(url, 'ws:')}`;
  }
  if (!secure && code === 'ECONNRESET') {
    return `${url.host} closed the connection without an answer. Does it require TLS? Try ${addressOf(url, 'wss:')}`;
  }
  return `Cannot connect to ${url.host}: ${error.message}`;
}

/** The same URL with another scheme, without the parameters that were added. */
function addressOf({ host, pathname }: URL, protocol: string): string {
  return `${protocol}//${host}${pathname}`;
}

function describeClose(code: number, reason: string): string {
  const hint = code === 3000 ? ' Give a valid key with --key.' : '';
  return `The server closed the connection: ${code}${reason === '' ? '' : ` ${reason}`}.${hint}`;
}

function parseEvent(data: RawData): ServerEvent | null {
  const value = tryParseJson(data.toString());
  return isEvent(value) ? value : null;
}

/** The fields of an event follow from its type; the server is trusted to comply. */
function isEvent(value: unknown): value is ServerEvent {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
