import type { Clock } from '../../core/clock.ts';

/** Ends a session that its last peer has left, unless another comes within `graceMs`; at once for 0. */
export class PeerGrace {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #over: () => void;
  #cancel: () => void = () => {};

  constructor(clock: Clock, graceMs: number, over: () => void) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#over = over;
  }

  /** The last peer has left. */
  start(): void {
    if (this.#graceMs === 0) return this.#over();
    this.#cancel = this.#clock.after(this.#graceMs, this.#over);
  }

  /** A peer has come, or the session has ended. */
  stop(): void {
    this.#cancel();
  }
}
