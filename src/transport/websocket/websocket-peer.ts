import type { Duplex } from 'node:stream';
import { type RawData, WebSocket } from 'ws';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { type WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { ClientEventError, textUnlessHeavy } from '../../protocol/parse/frame-parser.ts';
import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';
import type { CloseReason, Peer } from '../../session/ports/peer.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import type { Session } from '../../session/session.ts';
import { base64Audio } from '../base64-audio.ts';
import { LoggedNotices } from '../logged-notices.ts';
import type { HeavyFrames } from './heavy-frames.ts';
import { InboundFlow, type InboundFlowLimits } from './inbound-flow.ts';
import { OutputQueue } from './output-queue.ts';

export type PeerLimits = InboundFlowLimits &
  Pick<Config['limits'], 'outputQueueBytes' | 'pingIntervalMs' | 'deadPeerMs'>;

export interface WebSocketPeerOptions {
  id: string;
  socket: WebSocket;
  /** The socket under the WebSocket. */
  stream: Duplex;
  dialect: Dialect;
  /** Parses the frames that are too large for the event loop. */
  heavyFrames: Pick<HeavyFrames, 'parse'>;
  claim: WorkClaim;
  limits: PeerLimits;
  clock: Clock;
  log: Log;
  sideband?: boolean;
  extensions?: ReadonlySet<string>;
}

interface Message {
  data: RawData;
  isBinary: boolean;
}

/** A close frame carries at most 123 bytes of reason (RFC 6455 §5.5). */
const maxReasonBytes = 123;

/** A WebSocket client: text frames of its dialect in and out. */
export class WebSocketPeer implements Peer {
  readonly id: string;
  readonly codec = base64Audio;
  readonly sideband: boolean;
  readonly extensions: ReadonlySet<string>;
  readonly #socket: WebSocket;
  readonly #dialect: Dialect;
  readonly #heavyFrames: Pick<HeavyFrames, 'parse'>;
  readonly #claim: WorkClaim;
  readonly #notices: LoggedNotices;
  readonly #limits: PeerLimits;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #inboundFlow: InboundFlow;
  readonly #output: OutputQueue;
  #session: Session | undefined;
  #closing = false;
  /** Messages that arrived behind one that takes time: at most one read of the socket. */
  readonly #unread: Message[] = [];
  #reading = false;
  #cancelPing: () => void = () => {};

  constructor(options: WebSocketPeerOptions) {
    this.id = options.id;
    this.sideband = options.sideband ?? false;
    this.extensions = options.extensions ?? new Set();
    this.#socket = options.socket;
    this.#dialect = options.dialect;
    this.#heavyFrames = options.heavyFrames;
    this.#claim = options.claim;
    this.#notices = new LoggedNotices(options.dialect.name, options.log);
    this.#output = new OutputQueue(options);
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#inboundFlow = new InboundFlow(options, options.limits, options.clock, {
      tooFast: () => this.#tooFast(),
      messageOverdue: () => this.#endWith(wireErrors.messageTimeout(options.limits.messageTimeoutMs)),
    });
  }

  /**
   * Attaches this peer to its session and starts reading. `ws` terminates a client that does not answer the close frame
   * (`closeTimeout`).
   */
  join(session: Session): void {
    this.#session = session;
    this.#socket.on('message', (data, isBinary) => this.#message(data, isBinary, session));
    // `ws` answers pings, and terminates a client that sends them without reading the answers.
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

  /** The queue is checked before each event, so that any single event can be sent, however large. */
  send(event: OutgoingEvent): void {
    if (this.#closing || this.#socket.readyState !== WebSocket.OPEN) return;
    const waiting = this.#output.unsentBytes;
    if (waiting > this.#limits.outputQueueBytes) {
      this.#log.warn('peer_too_slow', { unsentBytes: waiting });
      this.#output.clear();
      this.close({ code: 1008, reason: `client reads too slowly: ${waiting} bytes unsent` });
      // Not synchronously: the session may be iterating over its peers.
      queueMicrotask(() => this.#session?.detach(this));
      return;
    }
    this.#inboundFlow.answered(this.#output.send(event));
  }

  close({ code, reason }: CloseReason): void {
    if (this.#closing) return;
    this.#stop();
    // 1006 never appears in a close frame (RFC 6455 §7.4.1): it requests an abrupt end.
    if (code === 1006) return this.#socket.terminate();
    this.#output.whenEmpty(() => {
      this.#socket.close(code, truncateReason(reason));
      // A paused socket would not read the client's close frame.
      this.#socket.resume();
    });
  }

  #message(data: RawData, isBinary: boolean, session: Session): void {
    if (this.#closing) return;
    this.#inboundFlow.count();
    if (this.#reading) {
      this.#unread.push({ data, isBinary });
      return;
    }
    const processed = this.#process({ data, isBinary }, session);
    if (processed) void this.#readOn(processed, session);
  }

  /** Processes the messages behind one that takes time, one after the other. */
  async #readOn(first: Promise<void>, session: Session): Promise<void> {
    this.#reading = true;
    await this.#holding(first);
    for (let next = this.#unread.shift(); next && !this.#closing; next = this.#unread.shift()) {
      const processed = this.#process(next, session);
      if (processed) await this.#holding(processed);
    }
    this.#reading = false;
  }

  /** A promise if the next message has to wait; it never rejects. */
  #process(message: Message, session: Session): Promise<void> | undefined {
    try {
      const taken = this.#take(message, session);
      if (!taken) return this.#inboundFlow.answersPaid();
      return taken.catch((error: unknown) => this.#refused(error, session)).then(() => this.#inboundFlow.answersPaid());
    } catch (error) {
      this.#refused(error, session);
      return this.#inboundFlow.answersPaid();
    }
  }

  #refused(error: unknown, session: Session): void {
    if (error instanceof ClientEventError) session.refuse(error.wireError, error.clientEventId, this);
    else this.#failed(error, session);
  }

  #take({ data, isBinary }: Message, session: Session): void | Promise<void> {
    if (isBinary) return session.refuse(wireErrors.binaryFrame(), null, this);
    const notices = this.#notices;
    const frame = textUnlessHeavy(data);
    if (typeof frame === 'string') return session.receive(this.#dialect.parse(frame, notices), this);
    const parsed = this.#heavyFrames.parse(frame, { dialect: this.#dialect.name, claim: this.#claim, notices });
    return parsed.then((event) => (this.#closing ? undefined : session.receive(event, this)));
  }

  /** Pauses the socket until a promise settles. */
  async #holding(promise: Promise<void>): Promise<void> {
    this.#inboundFlow.hold();
    try {
      await promise;
    } finally {
      this.#inboundFlow.release();
    }
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

  /** Nothing is sent or processed from now on. */
  #stop(): void {
    this.#closing = true;
    this.#cancelPing();
    this.#inboundFlow.stop();
  }

  #gone(): void {
    this.#stop();
    this.#output.clear();
    this.#unread.length = 0;
    this.#session?.detach(this);
  }
}

function truncateReason(reason: string): string {
  const encoded = Buffer.from(reason);
  if (encoded.length <= maxReasonBytes) return reason;
  // Decoding a truncated text may leave a partial character at its end, which becomes U+FFFD.
  return encoded
    .subarray(0, maxReasonBytes - 2)
    .toString()
    .replace(/\uFFFD$/, '');
}
