import type { Clock } from '../../core/clock.ts';

/** Ends a session after its last peer has left, unless another one joins within `graceMs`; immediately for 0. */
export class PeerGrace {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #over: () => void;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, graceMs: number, over: () => void) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#over = over;
  }

  /** Call when the last peer has left. */
  start(): void {
    if (this.#graceMs === 0) return this.#over();
    this.#cancel = this.#clock.after(this.#graceMs, this.#over);
  }

  /** Call when a peer has joined, or the session has ended. */
  stop(): void {
    this.#cancel?.();
  }
}
