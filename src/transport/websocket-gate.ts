import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Config } from '../config.ts';
import { type ApiErrorBody, apiError } from '../http/api-error.ts';
import type { Log } from '../log.ts';
import type { Dialect, Dialects } from '../protocol/dialect.ts';
import { errorEvent, WireError, wireErrors } from '../protocol/errors.ts';
import type { IdSource } from '../protocol/ids.ts';
import type { SessionType } from '../protocol/session-config.ts';
import type { Clock } from '../session/ports.ts';
import type { AccessPolicy } from './access.ts';
import { type Handshake, readHandshake, realtimePath, selectDialect, selectSubprotocol } from './handshake.ts';
import type { SessionRegistry } from './session-registry.ts';
import { WebSocketPeer } from './websocket-peer.ts';

export interface WebSocketGateOptions {
  config: Pick<Config, 'limits' | 'models'>;
  access: AccessPolicy;
  dialects: Dialects;
  sessions: SessionRegistry;
  clock: Clock;
  ids: IdSource;
  log: Log;
  /** An address for the message to a client that named no model. */
  exampleUrl: () => string;
}

/** What a client may have. */
interface Granted {
  type: SessionType;
  /** Empty for a transcription session, which has none. */
  model: string;
  keyName: string | undefined;
}

/** A client that is refused needs to say nothing more; what it has under way is bounded by this. */
const refusedFrameBytes = 64 * 1024;
/** TCP delivers a message in pieces; the smallest usual ones, of 1 KiB, must suffice for the largest message. */
const usualChunkBytes = 1024;

/**
 * Where WebSockets come in. A request that could not be answered in the protocol (wrong place, wrong page, no room) is
 * refused over HTTP; every other one is upgraded, and told in an `error` event what is wrong with it, because that is
 * how the hosted service does it and what clients can show.
 */
export class WebSocketGate {
  readonly #options: WebSocketGateOptions;
  readonly #accepting: WebSocketServer;
  readonly #refusing: WebSocketServer;
  #opened = 0;

  constructor(options: WebSocketGateOptions) {
    this.#options = options;
    const { frameBytes, frameFragments, closeGraceMs } = options.config.limits;
    const shared = {
      noServer: true,
      clientTracking: false,
      // Compression costs several times what the whole rest of a frame does, and audio gains nothing.
      perMessageDeflate: false,
      skipUTF8Validation: false,
      // One message of a client in each turn of the event loop: a chunk of a flood holds thousands.
      allowSynchronousEvents: false,
      handleProtocols: selectSubprotocol,
      maxFragments: frameFragments,
      closeTimeout: closeGraceMs,
    };
    this.#accepting = new WebSocketServer({
      ...shared,
      maxPayload: frameBytes,
      maxBufferedChunks: Math.ceil(frameBytes / usualChunkBytes),
    });
    this.#refusing = new WebSocketServer({ ...shared, maxPayload: refusedFrameBytes });
  }

  /** Takes one `upgrade` request of the HTTP server. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    try {
      this.#handle(request, socket, head);
    } catch (error) {
      this.#options.log.error('session_failed', { error });
      socket.destroy();
    }
  }

  #handle(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { access, sessions } = this.#options;
    const handshake = readHandshake(request);
    const refuse = (status: number, body: ApiErrorBody) => this.#refuseOverHttp(request, socket, status, body);
    const forbidden = access.refusal(request.headers);
    if (forbidden !== undefined) return refuse(403, apiError(forbidden, 'forbidden'));
    if (!handshake?.isRealtime) {
      return refuse(404, apiError(`There is no WebSocket here: connect to ${realtimePath}.`, 'not_found'));
    }
    const { unavailable } = sessions;
    if (unavailable !== undefined) return refuse(503, apiError(unavailable, 'overloaded', 'server_error'));

    const check = this.#check(handshake);
    if (check instanceof WireError) {
      const dialect = selectDialect(handshake, this.#options.dialects);
      this.#refusing.handleUpgrade(request, socket, head, (webSocket) => {
        this.#refuse(webSocket, check, dialect, request);
      });
    } else {
      this.#accepting.handleUpgrade(request, socket, head, (webSocket) => {
        this.#open(webSocket, socket, request, { ...check, handshake });
      });
    }
  }

  /** The key comes first: a stranger learns nothing else. */
  #check(handshake: Handshake): Granted | WireError {
    const { access, config, exampleUrl } = this.#options;
    const { presentedKey, query, model } = handshake;
    const key = access.checkKey(presentedKey);
    if (key.verdict === 'missing') return wireErrors.missingKey();
    if (key.verdict === 'wrong') return wireErrors.wrongKey(presentedKey ?? '');
    if (query.has('call_id')) {
      return wireErrors.unsupportedMode('call_id', "This server has no calls to attach to. Connect without 'call_id'.");
    }
    if (query.get('intent') === 'transcription') {
      return model === undefined
        ? { type: 'transcription', model: '', keyName: key.keyName }
        : wireErrors.modelForTranscription();
    }
    if (model === undefined) return wireErrors.missingModel(exampleUrl());
    if (config.models.length > 0 && !config.models.includes(model)) return wireErrors.unknownModel(model);
    return { type: 'realtime', model, keyName: key.keyName };
  }

  #open(
    webSocket: WebSocket,
    stream: Duplex,
    request: IncomingMessage,
    { type, model, keyName, handshake }: Granted & { handshake: Handshake },
  ): void {
    const { sessions, config, clock, log } = this.#options;
    const session = sessions.open({ type, model });
    const dialect = selectDialect(handshake, this.#options.dialects);
    const openedAtMs = clock.now();
    const peer = new WebSocketPeer({
      id: `peer_${++this.#opened}`,
      socket: webSocket,
      stream,
      dialect,
      limits: config.limits,
      clock,
      log,
    });
    const about = { session: session.id, peer: peer.id };
    log.info('session_opened', {
      ...about,
      type,
      model: model.slice(0, 128),
      dialect: dialect.name,
      key: keyName,
      ...sender(request),
    });
    webSocket.on('close', (code, reason) => {
      sessions.release(session);
      const seconds = Math.round((clock.now() - openedAtMs) / 100) / 10;
      log.info('session_closed', { ...about, code, reason: reason.toString(), seconds });
    });
    peer.join(session);
  }

  #refuse(webSocket: WebSocket, error: WireError, dialect: Dialect, request: IncomingMessage): void {
    const { ids, log } = this.#options;
    const { closeCode, closeReason, message } = error;
    log.info('connection_refused', { code: closeCode, reason: closeReason, message, ...sender(request) });
    // What the client still sends is not looked at, and neither is how it breaks off.
    webSocket.on('error', () => webSocket.terminate());
    const frame = dialect.serialise({ ...errorEvent(error, null), event_id: ids('event') });
    if (frame !== undefined) webSocket.send(frame);
    webSocket.close(closeCode, closeReason);
  }

  #refuseOverHttp(request: IncomingMessage, socket: Duplex, status: number, body: ApiErrorBody): void {
    const text = JSON.stringify(body);
    this.#options.log.info('upgrade_refused', { status, message: body.error.message, ...sender(request) });
    socket.on('error', () => socket.destroy());
    socket.once('finish', () => socket.destroy());
    socket.end(
      [
        `HTTP/1.1 ${status} ${reasonPhrases[status] ?? ''}`,
        'Content-Type: application/json',
        `Content-Length: ${Buffer.byteLength(text)}`,
        'Connection: close',
        ...(status === 503 ? ['Retry-After: 5'] : []),
        '',
        text,
      ].join('\r\n'),
    );
  }
}

const reasonPhrases: Record<number, string> = { 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' };

function sender(request: IncomingMessage): { address: string | undefined; userAgent: string | undefined } {
  return { address: request.socket.remoteAddress, userAgent: request.headers['user-agent']?.slice(0, 128) };
}
