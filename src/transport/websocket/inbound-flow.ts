import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { TokenBucket } from '../../core/token-bucket.ts';
import { FrameWatch } from './frame-watch.ts';

export type InboundFlowLimits = Pick<
  Config['limits'],
  'eventsPerSecond' | 'eventBurst' | 'messageTimeoutMs' | 'answerBytesPerSecond'
>;

interface IntakeListener {
  /** For the first time the client sends faster than it is read. */
  tooFast(): void;
  /** A message was begun and is not complete in time. */
  messageOverdue(): void;
}

/** A client that is too fast is not read for at least so long: not to stop and start for every message. */
const shortestHoldMs = 50;

/** What a client may be answered before `answerBytesPerSecond` slows it. */
const answerBurstSeconds = 2;

/** How a client's side of a WebSocket is read: how fast, when not at all, and how long a message may take. */
export class InboundFlow {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #limits: InboundFlowLimits;
  readonly #clock: Clock;
  readonly #listener: IntakeListener;
  readonly #bucket: TokenBucket;
  readonly #answers: TokenBucket;
  readonly #frames = new FrameWatch();
  readonly #read = (chunk: Uint8Array) => this.#countChunk(chunk);
  #holds = 0;
  #slowed = false;
  #wasTooFast = false;
  #heardAtMs: number;
  /** When the message began that is not complete. */
  #begunAtMs: number | undefined;
  #cancelDeadline: (() => void) | undefined;
  #cancelSlowing: () => void = () => {};
  #cancelAnswers: () => void = () => {};

  constructor(
    { socket, stream }: { socket: WebSocket; stream: Duplex },
    limits: InboundFlowLimits,
    clock: Clock,
    listener: IntakeListener,
  ) {
    this.#socket = socket;
    this.#stream = stream;
    this.#limits = limits;
    this.#clock = clock;
    this.#listener = listener;
    this.#bucket = new TokenBucket({ burst: limits.eventBurst, perSecond: limits.eventsPerSecond });
    const perSecond = limits.answerBytesPerSecond;
    this.#answers = new TokenBucket({ burst: answerBurstSeconds * perSecond, perSecond });
    this.#heardAtMs = clock.now();
    stream.on('data', this.#read);
  }

  /** How long nothing at all has come from the client; 0 while nothing is read. */
  get silentMs(): number {
    return this.#holds > 0 ? 0 : this.#clock.now() - this.#heardAtMs;
  }

  /** Counts a message or a ping, before anything is made of it. Beyond the rate the client is not read for a while. */
  count(): void {
    const now = this.#clock.now();
    this.#bucket.take(now);
    if (this.#slowed) return;
    const overMs = this.#bucket.overdrawnMs(now);
    if (overMs === 0) return;
    this.#slowed = true;
    this.hold();
    this.#throttle(overMs);
    if (this.#wasTooFast) return;
    this.#wasTooFast = true;
    this.#listener.tooFast();
  }

  /** Counts what was sent to the client. */
  answered(bytes: number): void {
    this.#answers.take(this.#clock.now(), bytes);
  }

  /** A promise where the client has been sent more than it may be in the time: its next message waits for it. */
  answersPaid(): Promise<void> | undefined {
    const overMs = this.#answers.overdrawnMs(this.#clock.now());
    if (overMs === 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#cancelAnswers = this.#clock.after(overMs, resolve);
    return promise.then(() => this.answersPaid());
  }

  /** Reads nothing more until `release` was called as often. What has been read already still comes. */
  hold(): void {
    this.#holds++;
    this.#socket.pause();
  }

  release(): void {
    this.#holds--;
    if (this.#holds > 0) return;
    // The time in which nothing was read was not the client's.
    this.#heardAtMs = this.#clock.now();
    if (this.#begunAtMs !== undefined) this.#begunAtMs = this.#heardAtMs;
    this.#socket.resume();
  }

  stop(): void {
    this.#stream.off('data', this.#read);
    this.#cancelDeadline?.();
    this.#cancelSlowing();
    this.#cancelAnswers();
  }

  #throttle(overMs: number): void {
    this.#cancelSlowing = this.#clock.after(Math.max(overMs, shortestHoldMs), () => {
      // More may have come since, of what had been read.
      const leftMs = this.#bucket.overdrawnMs(this.#clock.now());
      if (leftMs > 0) return this.#throttle(leftMs);
      this.#slowed = false;
      this.release();
    });
  }

  #countChunk(chunk: Uint8Array): void {
    this.#heardAtMs = this.#clock.now();
    const ended = this.#frames.push(chunk);
    if (!this.#frames.incomplete) {
      this.#begunAtMs = undefined;
    } else if (ended || this.#begunAtMs === undefined) {
      this.#begunAtMs = this.#heardAtMs;
      // One that is set already looks for itself which message it is about.
      if (this.#cancelDeadline === undefined) this.#awaitMessage(this.#limits.messageTimeoutMs);
    }
  }

  #awaitMessage(delayMs: number): void {
    this.#cancelDeadline = this.#clock.after(delayMs, () => {
      this.#cancelDeadline = undefined;
      if (this.#begunAtMs === undefined) return;
      const begunAtMs = this.#holds > 0 ? this.#clock.now() : this.#begunAtMs;
      const leftMs = begunAtMs + this.#limits.messageTimeoutMs - this.#clock.now();
      if (leftMs > 0) this.#awaitMessage(leftMs);
      else this.#listener.messageOverdue();
    });
  }
}
