import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { TokenBucket } from '../core/token-bucket.ts';

export type InboundRateLimits = Pick<Config['limits'], 'eventsPerSecond' | 'eventBurst' | 'answerBytesPerSecond'>;

/** Characters that a client may be sent before `answerBytesPerSecond` slows it. */
const answerBurstSeconds = 2;

/** How fast a client may be read: by the number of its messages, and by the size of the answers to them. */
export class InboundRate {
  readonly #clock: Clock;
  readonly #messages: TokenBucket;
  readonly #answers: TokenBucket;
  readonly #tooFast: () => void;
  #wasTooFast = false;
  #cancelWait: (() => void) | undefined;

  /** `tooFast` is called the first time that the client exceeds the rate of messages. */
  constructor(limits: InboundRateLimits, clock: Clock, tooFast: () => void) {
    this.#clock = clock;
    this.#messages = new TokenBucket({ burst: limits.eventBurst, perSecond: limits.eventsPerSecond });
    const perSecond = limits.answerBytesPerSecond;
    this.#answers = new TokenBucket({ burst: answerBurstSeconds * perSecond, perSecond });
    this.#tooFast = tooFast;
  }

  /** Counts a message. Returns the time until the rate is no longer exceeded; 0 if it is not. */
  count(): number {
    this.#messages.take(this.#clock.now());
    const overMs = this.overMs;
    if (overMs > 0 && !this.#wasTooFast) {
      this.#wasTooFast = true;
      this.#tooFast();
    }
    return overMs;
  }

  /** The time until the rate of messages is no longer exceeded. */
  get overMs(): number {
    return this.#messages.overdrawnMs(this.#clock.now());
  }

  /** Counts characters sent to the client. */
  answered(characters: number): void {
    this.#answers.take(this.#clock.now(), characters);
  }

  /** A promise if the client was sent more than its share: its next message waits for it. */
  answersPaid(): Promise<void> | undefined {
    const overMs = this.#answers.overdrawnMs(this.#clock.now());
    return overMs === 0 ? undefined : this.#wait(overMs).then(() => this.answersPaid());
  }

  /** A promise if the client exceeds one of the rates. */
  settled(): Promise<void> | undefined {
    const { overMs } = this;
    return overMs === 0 ? this.answersPaid() : this.#wait(overMs).then(() => this.settled());
  }

  /** Cancels the waiting: it is never resumed. */
  stop(): void {
    this.#cancelWait?.();
  }

  #wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#cancelWait = this.#clock.after(ms, resolve);
    return promise;
  }
}
