import type { Clock } from '../../core/clock.ts';
import type { VoiceActivityStream, VoiceFrame } from '../ports/voice-activity.ts';
import { stallError } from '../stage.ts';

interface DetectionOutcome {
  /** A promise delays later pushes; it must not reject. */
  frames(frames: readonly VoiceFrame[]): void | Promise<void>;
  failed(error: unknown): void;
}

interface Waiter {
  /** The last push that it waits for. */
  push: number;
  settled: PromiseWithResolvers<void>;
}

/**
 * The audio that voice activity detection has not processed yet. If nothing is processed for `stallMs`, all of it is
 * given up. One timer watches all pushes, because there are fifty a second.
 */
export class PendingDetection {
  readonly #clock: Clock;
  readonly #stallMs: number;
  readonly #onStall: (error: unknown) => void;
  /** Pushes are numbered from 1. */
  #lastPush = 0;
  #lastProcessed = 0;
  #durationMs = 0;
  /** Of pushes that completed no frame. */
  #incompleteMs = 0;
  #progressAtMs = 0;
  readonly #waiters: Waiter[] = [];
  /** The last push whose frames are known and take time, or wait for earlier ones. */
  #acting: Promise<void> | undefined;
  #cancelWatch: (() => void) | undefined;

  constructor({ clock, stallMs }: { clock: Clock; stallMs: number }, onStall: (error: unknown) => void) {
    this.#clock = clock;
    this.#stallMs = stallMs;
    this.#onStall = onStall;
  }

  /** The duration of the audio in milliseconds. */
  get durationMs(): number {
    return this.#durationMs;
  }

  get isEmpty(): boolean {
    return this.#lastProcessed === this.#lastPush;
  }

  /** Follows a push until its frames are known, or it has failed. Pushes are processed in order. */
  follow(pushed: ReturnType<VoiceActivityStream['push']>, pushedMs: number, outcome: DetectionOutcome): void {
    this.#incompleteMs += pushedMs;
    if (!pushed) return;
    const addedMs = this.#incompleteMs;
    this.#incompleteMs = 0;
    if (this.isEmpty) this.#progressAtMs = this.#clock.now();
    const push = ++this.#lastPush;
    this.#durationMs += addedMs;
    if (this.#cancelWatch === undefined) this.#watch(this.#stallMs);
    pushed.then(
      (frames) => this.#process(push, addedMs, () => outcome.frames(frames)),
      (error: unknown) => this.#process(push, addedMs, () => outcome.failed(error)),
    );
  }

  /** Resolves once all audio pushed so far is processed. */
  settled(): Promise<void> {
    if (this.isEmpty) return Promise.resolve();
    const last = this.#waiters.at(-1);
    if (last?.push === this.#lastPush) return last.settled.promise;
    const settled = Promise.withResolvers<void>();
    this.#waiters.push({ push: this.#lastPush, settled });
    return settled.promise;
  }

  /** Gives up all audio. */
  close(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
    this.#durationMs = 0;
    this.#incompleteMs = 0;
    this.#advance(this.#lastPush);
  }

  #process(push: number, addedMs: number, act: () => void | Promise<void>): void {
    const acting = this.#acting
      ? this.#acting.then(() => this.#act(push, addedMs, act))
      : this.#act(push, addedMs, act);
    if (!acting) return;
    const tail = acting.then(() => {
      if (this.#acting === tail) this.#acting = undefined;
    });
    this.#acting = tail;
  }

  #act(push: number, addedMs: number, act: () => void | Promise<void>): void | Promise<void> {
    if (push <= this.#lastProcessed) return;
    const acted = act();
    return acted ? acted.then(() => this.#finish(push, addedMs)) : this.#finish(push, addedMs);
  }

  #finish(push: number, addedMs: number): void {
    // Acting may have closed this.
    if (push <= this.#lastProcessed) return;
    this.#progressAtMs = this.#clock.now();
    this.#durationMs -= addedMs;
    this.#advance(push);
  }

  #advance(push: number): void {
    this.#lastProcessed = push;
    while (this.#waiters[0] && this.#waiters[0].push <= push) this.#waiters.shift()?.settled.resolve();
  }

  #watch(delayMs: number): void {
    this.#cancelWatch = this.#clock.after(delayMs, () => {
      this.#cancelWatch = undefined;
      if (this.isEmpty) return;
      const leftMs = this.#progressAtMs + this.#stallMs - this.#clock.now();
      if (this.#acting) return this.#watch(this.#stallMs);
      if (leftMs > 0) return this.#watch(leftMs);
      this.#onStall(stallError('voiceActivity', this.#stallMs));
      this.close();
    });
  }
}
