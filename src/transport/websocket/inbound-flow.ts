import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { InboundRate, type InboundRateLimits } from '../inbound-rate.ts';
import { FrameWatch } from './frame-watch.ts';

export type InboundFlowLimits = InboundRateLimits & Pick<Config['limits'], 'messageTimeoutMs'>;

interface IntakeListener {
  /** Called the first time the client exceeds the rate. */
  tooFast(): void;
  /** Called when a message is not complete in time. */
  messageOverdue(): void;
}

/** Minimum pause of a client that is too fast, so that reading does not stop and start for every message. */
const shortestHoldMs = 50;

/** Controls how a WebSocket client is read: rate, pauses, and the maximum duration of a message. */
export class InboundFlow {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #limits: InboundFlowLimits;
  readonly #clock: Clock;
  readonly #listener: IntakeListener;
  readonly #rate: InboundRate;
  readonly #frames = new FrameWatch();
  readonly #read = (chunk: Uint8Array) => this.#countChunk(chunk);
  #holds = 0;
  #slowed = false;
  #heardAtMs: number;
  /** Start of the incomplete message. */
  #begunAtMs: number | undefined;
  #cancelDeadline: (() => void) | undefined;
  #cancelSlowing: (() => void) | undefined;

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
    this.#rate = new InboundRate(limits, clock, () => listener.tooFast());
    this.#heardAtMs = clock.now();
    stream.on('data', this.#read);
  }

  /** Time since the client sent anything; 0 while nothing is read. */
  get silentMs(): number {
    return this.#holds > 0 ? 0 : this.#clock.now() - this.#heardAtMs;
  }

  /** Counts a message or ping before it is processed. Beyond the rate, reading pauses. */
  count(): void {
    const overMs = this.#rate.count();
    if (overMs === 0 || this.#slowed) return;
    this.#slowed = true;
    this.hold();
    this.#throttle(overMs);
  }

  /** As `InboundRate.answered`. */
  answered(characters: number): void {
    this.#rate.answered(characters);
  }

  /** As `InboundRate.answersPaid`. */
  answersPaid(): Promise<void> | undefined {
    return this.#rate.answersPaid();
  }

  /** Pauses reading until `release` was called as often. Data that was read already still arrives. */
  hold(): void {
    this.#holds++;
    this.#socket.pause();
  }

  release(): void {
    this.#holds--;
    if (this.#holds > 0) return;
    // Time in which nothing was read is not charged to the client.
    this.#heardAtMs = this.#clock.now();
    if (this.#begunAtMs !== undefined) this.#begunAtMs = this.#heardAtMs;
    this.#socket.resume();
  }

  stop(): void {
    this.#stream.off('data', this.#read);
    this.#cancelDeadline?.();
    this.#cancelSlowing?.();
    this.#rate.stop();
  }

  #throttle(overMs: number): void {
    this.#cancelSlowing = this.#clock.after(Math.max(overMs, shortestHoldMs), () => {
      // More of the data that was already read may have arrived.
      const leftMs = this.#rate.overMs;
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
      // A pending timer checks by itself which message it belongs to.
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
