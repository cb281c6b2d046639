import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AccessPolicy } from '../../access/policy.ts';
import { hostProblem } from '../../access/request-host.ts';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { childLog, type Log } from '../../core/log.ts';
import type { Metering, RefusalReason } from '../../metering/metering.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { apiErrorOf } from '../../protocol/errors/api-error.ts';
import { callErrors } from '../../protocol/errors/call-errors.ts';
import { httpErrors } from '../../protocol/errors/http-errors.ts';
import { errorEvent, type WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { withExtensions } from '../../protocol/extensions.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import type { Granted, Refused, SessionAccess, SessionAuthorizer } from '../session-authorizer.ts';
import { acceptedExtensions, logSession, sender } from '../session-entries.ts';
import type { OpenRequest, RegisteredSession, SessionRegistry } from '../session-registry.ts';
import { type Handshake, readHandshake, realtimePath, selectSubprotocol } from './handshake.ts';
import type { HeavyFrames } from './heavy-frames.ts';
import { readNothingAfterError } from './read-nothing-after-error.ts';
import { WebSocketPeer } from './websocket-peer.ts';

export interface UpgradeHandlerOptions {
  config: Pick<Config, 'limits'>;
  access: AccessPolicy;
  authorizer: Pick<SessionAuthorizer, 'authorize'>;
  dialects: Readonly<Record<Dialect['name'], Dialect>>;
  heavyFrames: Pick<HeavyFrames, 'parse'>;
  sessions: SessionRegistry;
  metering: Pick<Metering, 'sessionRefused'>;
  clock: Clock;
  ids: IdSource;
  log: Log;
}

/** A client whose upgrade was granted. */
interface UpgradedClient {
  webSocket: WebSocket;
  /** The stream that the socket writes to. */
  stream: Duplex;
  request: IncomingMessage;
  extensions: ReadonlySet<string>;
}

/** A refusal in place of the upgrade. */
interface UpgradeRefusal {
  status: 400 | 403 | 404 | 503;
  why: WireError;
  reason: RefusalReason;
}

/** Bounds a message of a refused client, which has nothing more to send. */
const refusedFrameBytes = 64 * 1024;
/** TCP delivers a message in pieces; the smallest usual ones, of 1 KiB, must suffice for the largest message. */
const usualChunkBytes = 1024;

/**
 * Handles WebSocket upgrades. A request that the protocol cannot answer (wrong path, origin not allowed, server full)
 * is refused over HTTP. Every other request is upgraded, and problems are reported in an `error` event, as the hosted
 * service does, because clients can display those.
 */
export class UpgradeHandler {
  readonly #options: UpgradeHandlerOptions;
  readonly #accepting: WebSocketServer;
  readonly #refusing: WebSocketServer;
  #attached = 0;
  #connections = 0;

  constructor(options: UpgradeHandlerOptions) {
    this.#options = options;
    const { frameBytes, frameFragments, closeGraceMs } = options.config.limits;
    const shared = {
      noServer: true,
      clientTracking: false,
      // Compression costs several times as much as the rest of a frame, and audio does not compress.
      perMessageDeflate: false,
      skipUTF8Validation: false,
      // One message per client and turn of the event loop: a chunk of a flood contains thousands.
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

  /** Connections that belong to a session. */
  get connections(): number {
    return this.#connections;
  }

  /** Handles one `upgrade` request of the HTTP server. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fail = (error: unknown) => {
      this.#options.log.error('session_failed', { error });
      socket.destroy();
    };
    try {
      const handshake = readHandshake(request);
      const refusal = this.#urlProblem(request, handshake);
      if (refusal !== undefined) this.#refuseOverHttp(request, socket, refusal);
      else if (handshake !== undefined) this.#consider(handshake, request, { socket, head }).catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  /** Why a request is refused regardless of its credentials; undefined if it is not. */
  #urlProblem(request: IncomingMessage, handshake: Handshake | undefined): UpgradeRefusal | undefined {
    const problem = hostProblem(request);
    if (problem !== undefined) return { status: 400, why: httpErrors.badRequest(problem), reason: 'invalid' };
    const forbidden = this.#options.access.refusal(request.headers);
    if (forbidden !== undefined) return forbiddenBecause(forbidden);
    if (!handshake?.isRealtime) {
      return { status: 404, why: httpErrors.noWebSocket(realtimePath), reason: 'invalid' };
    }
    return this.#capacityProblem();
  }

  #capacityProblem(): UpgradeRefusal | undefined {
    const { unavailable, draining } = this.#options.sessions;
    if (unavailable === undefined) return undefined;
    return { status: 503, why: httpErrors.overloaded(unavailable), reason: draining ? 'draining' : 'full' };
  }

  /** The server may have filled up, or the call ended, since the client was authorized. */
  #accessProblem(access: SessionAccess): UpgradeRefusal | undefined {
    if ('open' in access) return this.#capacityProblem();
    if (this.#options.sessions.findCall(access.attach.callId, access.attach.viewer)) return undefined;
    return { status: 404, why: callErrors.unknownCall(), reason: 'invalid' };
  }

  async #consider(
    handshake: Handshake,
    request: IncomingMessage,
    { socket, head }: { socket: Duplex; head: Buffer },
  ): Promise<void> {
    const verdict = await this.#inTime(socket, this.#options.authorizer.authorize(handshake));
    if (verdict === 'gone') return;
    if (verdict === 'undecided') {
      const why = httpErrors.undecided();
      return this.#refuseOverHttp(request, socket, { status: 503, why, reason: 'limits_unavailable' });
    }
    if (!verdict.granted) return this.#reject(verdict, request, { socket, head });
    const problem = this.#accessProblem(verdict.access);
    if (problem !== undefined) {
      this.#withdraw(verdict);
      return this.#refuseOverHttp(request, socket, problem);
    }
    let taken = false;
    this.#accepting.handleUpgrade(request, socket, head, (webSocket) => {
      taken = true;
      readNothingAfterError(webSocket);
      const extensions = acceptedExtensions(handshake.query, sender(request), this.#options.log);
      this.#attach({ webSocket, stream: socket, request, extensions }, verdict);
    });
    // `ws` itself refuses an invalid handshake, synchronously.
    if (!taken) this.#withdraw(verdict);
  }

  /**
   * Waits for an authorization while the client is connected, for at most the time limit of its headers. An
   * authorization that arrives too late is released.
   */
  #inTime(socket: Duplex, judged: Promise<Granted | Refused>): Promise<Granted | Refused | 'gone' | 'undecided'> {
    const { clock, config, log } = this.#options;
    const { promise, resolve } = Promise.withResolvers<Granted | Refused | 'gone' | 'undecided'>();
    let waiting = true;
    const end = (verdict: Granted | Refused | 'gone' | 'undecided') => {
      waiting = false;
      cancel();
      socket.off('close', gone);
      resolve(verdict);
    };
    const gone = () => end('gone');
    // The socket has no other listener before it is a WebSocket, and an unhandled error event ends the process.
    socket.on('error', destroy);
    socket.once('close', gone);
    const cancel = clock.after(config.limits.headersTimeoutMs, () => end('undecided'));
    judged.then(
      (verdict) => {
        if (waiting) end(verdict);
        else if (verdict.granted) this.#withdraw(verdict);
      },
      (error: unknown) => {
        log.error('access_check_failed', { error });
        if (waiting) end('undecided');
      },
    );
    return promise;
  }

  #withdraw(granted: Granted): void {
    granted.withdraw().catch((error: unknown) => this.#options.log.error('access_check_failed', { error }));
  }

  #reject(refused: Refused, request: IncomingMessage, { socket, head }: { socket: Duplex; head: Buffer }): void {
    const { reason, why, dialect } = refused;
    if ('forbidden' in why) {
      return this.#refuseOverHttp(request, socket, { ...forbiddenBecause(why.forbidden), reason });
    }
    this.#options.metering.sessionRefused(reason);
    this.#refusing.handleUpgrade(request, socket, head, (webSocket) => {
      readNothingAfterError(webSocket);
      this.#refuse(webSocket, why, dialect, request);
    });
  }

  /** Attaches a client to a session: a new one, or an existing one. */
  #attach({ webSocket, stream, request, extensions }: UpgradedClient, granted: Granted): void {
    const { config, clock } = this.#options;
    const { dialect, access } = granted;
    const { sessions } = this.#options;
    const found =
      'open' in access ? this.#open(access.open) : sessions.findCall(access.attach.callId, access.attach.viewer);
    if (found === undefined) {
      this.#withdraw(granted);
      return this.#refuse(webSocket, wireErrors.sessionNotOpened(), dialect, request);
    }
    const { session, owner } = found;
    const id = `peer_${++this.#attached}`;
    const log = childLog(this.#options.log, { session: session.id, peer: id });
    const claim: WorkClaim = { key: owner.keyName ?? '', session: session.id, priority: 'live' };
    const peer = new WebSocketPeer({
      id,
      socket: webSocket,
      stream,
      dialect: withExtensions(this.#options.dialects[dialect], extensions),
      heavyFrames: this.#options.heavyFrames,
      claim,
      limits: config.limits,
      clock,
      log,
      sideband: 'attach' in access,
      extensions,
    });
    if ('open' in access) logSession(found, { ...access.open, ...granted, ...sender(request) }, { log, clock });
    else log.info('peer_attached', { dialect, ...sender(request) });
    this.#connections += 1;
    const disconnected = found.connected(dialect);
    webSocket.on('close', (code, reason) => {
      this.#connections -= 1;
      disconnected({ code, reason: reason.toString() });
    });
    peer.join(session);
  }

  /** Undefined if it failed. */
  #open(wanted: OpenRequest): RegisteredSession | undefined {
    const { sessions, metering, log } = this.#options;
    try {
      return sessions.open(wanted);
    } catch (error) {
      log.error('session_not_opened', { key: wanted.owner.keyName, project: wanted.owner.project, error });
      metering.sessionRefused('failed');
      return undefined;
    }
  }

  #refuse(webSocket: WebSocket, error: WireError, dialect: Dialect['name'], request: IncomingMessage): void {
    const { dialects, ids, log } = this.#options;
    const { closeCode, closeReason, message } = error;
    log.info('connection_refused', { code: closeCode, reason: closeReason, message, ...sender(request) });
    // Further input and errors of the client are ignored.
    webSocket.on('error', () => webSocket.terminate());
    const frame = dialects[dialect].serialise({ ...errorEvent(error, null), event_id: ids('event') });
    if (frame !== undefined) webSocket.send(frame);
    webSocket.close(closeCode, closeReason);
  }

  #refuseOverHttp(request: IncomingMessage, socket: Duplex, { status, why, reason }: UpgradeRefusal): void {
    const text = JSON.stringify(apiErrorOf(why));
    this.#options.metering.sessionRefused(reason);
    this.#options.log.info('upgrade_refused', { status, reason, message: why.message, ...sender(request) });
    socket.on('error', destroy);
    socket.once('finish', () => socket.destroy());
    socket.end(
      [
        `HTTP/1.1 ${status} ${reasonPhrases[status]}`,
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

const reasonPhrases: Record<UpgradeRefusal['status'], string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
};

/** A listener of the socket, which outlives the upgrade: it must not refer to anything else. */
function destroy(this: Duplex): void {
  this.destroy();
}

function forbiddenBecause(message: string): UpgradeRefusal {
  return { status: 403, why: httpErrors.forbidden(message), reason: 'forbidden' };
}
