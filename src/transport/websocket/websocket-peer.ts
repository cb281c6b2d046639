import type { Duplex } from 'node:stream';
import { type RawData, WebSocket } from 'ws';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../log.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { type WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { ClientEventError } from '../../protocol/parse/frame-parser.ts';
import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';
import type { CloseReason, Peer } from '../../session/ports/peer.ts';
import type { Session } from '../../session/session.ts';
import { InboundFlow, type InboundFlowLimits } from './inbound-flow.ts';

export type PeerLimits = InboundFlowLimits &
  Pick<Config['limits'], 'outputQueueBytes' | 'pingIntervalMs' | 'deadPeerMs'>;

export interface WebSocketPeerOptions {
  id: string;
  socket: WebSocket;
  /** What the socket writes to. */
  stream: Duplex;
  dialect: Dialect;
  limits: PeerLimits;
  clock: Clock;
  log: Log;
}

/** A close frame carries at most 123 bytes of reason (RFC 6455 §5.5). */
const maxReasonBytes = 123;

/** A client on a WebSocket: text frames of its dialect in and out. */
export class WebSocketPeer implements Peer {
  readonly id: string;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #dialect: Dialect;
  readonly #limits: PeerLimits;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #inboundFlow: InboundFlow;
  #session: Session | undefined;
  #closing = false;
  #gathering = false;
  #cancelPing: () => void = () => {};

  constructor(options: WebSocketPeerOptions) {
    this.id = options.id;
    this.#socket = options.socket;
    this.#stream = options.stream;
    this.#dialect = options.dialect;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#inboundFlow = new InboundFlow(options, options.limits, options.clock, {
      tooFast: () => this.#tooFast(),
      messageOverdue: () => this.#endWith(wireErrors.messageTimeout(options.limits.messageTimeoutMs)),
    });
  }

  /**
   * Attaches this peer to its session, and reads from the client from now on. A client that does not answer the close
   * frame is cut off by `ws` itself (`closeTimeout`).
   */
  join(session: Session): void {
    this.#session = session;
    this.#socket.on('message', (data, isBinary) => this.#message(data, isBinary, session));
    // `ws` answers it, and ends a client that sends them without reading the answers.
    this.#socket.on('ping', () => {
      if (!this.#closing) this.#inboundFlow.count();
    });
    this.#socket.on('error', (error) => {
      const reason = error.message;
      this.#log.warn('peer_broke_protocol', { reason });
      this.#stop();
    });
    this.#socket.on('close', () => this.#gone());
    this.#schedulePing();
    session.attach(this);
  }

  /** The queue is checked before each event, so that one event alone, however large, can always be sent. */
  send(event: OutgoingEvent): void {
    if (this.#closing || this.#socket.readyState !== WebSocket.OPEN) return;
    const waiting = this.#socket.bufferedAmount;
    if (waiting > this.#limits.outputQueueBytes) {
      this.#log.warn('peer_too_slow', { unsentBytes: waiting });
      this.close({ code: 1008, reason: `client reads too slowly: ${waiting} bytes unsent` });
      // Not at once: the session may be in the middle of telling its peers.
      queueMicrotask(() => this.#session?.detach(this));
      return;
    }
    const frame = this.#dialect.serialise(event);
    if (frame === undefined) return;
    this.#gatherWrites();
    this.#socket.send(frame);
  }

  /** Events come in bursts, some twenty for a turn: those of one turn of the event loop leave in one write to the system. */
  #gatherWrites(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#gathering = false;
      this.#stream.uncork();
    });
  }

  close({ code, reason }: CloseReason): void {
    if (this.#closing) return;
    this.#stop();
    // 1006 is never in a close frame (RFC 6455 §7.4.1): it asks for a connection that just ends.
    if (code === 1006) return this.#socket.terminate();
    this.#socket.close(code, truncateReason(reason));
    // A paused socket would not read the client's answer.
    this.#socket.resume();
  }

  #message(data: RawData, isBinary: boolean, session: Session): void {
    if (this.#closing) return;
    this.#inboundFlow.count();
    try {
      if (isBinary) session.refuse(wireErrors.binaryFrame(), null, this);
      else this.#receive(data.toString(), session);
    } catch (error) {
      if (error instanceof ClientEventError) session.refuse(error.wireError, error.clientEventId, this);
      else this.#failed(error, session);
    }
  }

  #receive(text: string, session: Session): void {
    const caughtUp = session.receive(this.#dialect.parse(text), this);
    if (!(caughtUp instanceof Promise)) return;
    this.#inboundFlow.hold();
    caughtUp.catch((error: unknown) => this.#failed(error, session)).finally(() => this.#inboundFlow.release());
  }

  #failed(error: unknown, session: Session): void {
    this.#log.error('session_failed', { error });
    session.refuse(wireErrors.internal('handling an event'), null, this);
  }

  #tooFast(): void {
    const { eventsPerSecond } = this.#limits;
    this.#log.warn('peer_too_fast', { eventsPerSecond });
    this.#session?.refuse(wireErrors.tooManyEvents(eventsPerSecond), null, this);
  }

  #endWith(error: WireError): void {
    this.#log.warn('peer_broke_limit', { reason: error.message });
    this.#session?.refuse(error, null, this);
    this.close({ code: error.closeCode ?? 1008, reason: error.closeReason });
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.after(this.#limits.pingIntervalMs, () => this.#ping());
  }

  #ping(): void {
    const { silentMs } = this.#inboundFlow;
    if (silentMs >= this.#limits.deadPeerMs) {
      this.#log.warn('peer_dead', { silentMs: Math.round(silentMs) });
      this.#stop();
      this.#socket.terminate();
      return;
    }
    this.#socket.ping();
    this.#schedulePing();
  }

  /** From now on nothing is sent and nothing is taken. */
  #stop(): void {
    this.#closing = true;
    this.#cancelPing();
    this.#inboundFlow.stop();
  }

  #gone(): void {
    this.#stop();
    this.#session?.detach(this);
  }
}

function truncateReason(reason: string): string {
  const encoded = Buffer.from(reason);
  if (encoded.length <= maxReasonBytes) return reason;
  // Decoding a prefix may leave half a character at its end, which becomes U+FFFD.
  return encoded
    .subarray(0, maxReasonBytes - 2)
    .toString()
    .replace(/\uFFFD$/, '');
}
