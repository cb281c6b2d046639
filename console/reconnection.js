/** Connects again, at growing intervals, after a connection was lost. */

const delaysMs = [1000, 2000, 4000, 8000, 15_000, 30_000];

/** Close codes: the server stops, the connection was lost, the server restarts. */
const lostCodes = [1001, 1006, 1012];

/** @param {number} code */
export function isLost(code) {
  return lostCodes.includes(code);
}

export class Reconnection {
  #connect;
  #attempts = 0;
  /** @type {number | undefined} */
  #timer;

  /** @param {() => void} connect */
  constructor(connect) {
    this.#connect = connect;
    window.addEventListener('online', () => {
      if (this.#timer !== undefined) this.#run();
    });
  }

  /** @param {number} [leastMs] the server's wish */
  schedule(leastMs = 0) {
    this.cancel();
    const delayMs = delaysMs[Math.min(this.#attempts++, delaysMs.length - 1)] ?? 0;
    this.#timer = setTimeout(() => this.#run(), Math.max(leastMs, delayMs));
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The connection is open: the next loss starts with the shortest interval. */
  succeeded() {
    this.cancel();
    this.#attempts = 0;
  }

  #run() {
    this.cancel();
    this.#connect();
  }
}
