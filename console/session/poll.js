/** Repeats a request while the page is visible. */

export class Poll {
  #run;
  #everyMs;
  #isOn = false;
  /** @type {number | undefined} */
  #timer;

  /**
   * @param {() => Promise<number | void>} run may return the shortest time until the next run, in ms
   * @param {number} everyMs from the end of one run to the start of the next
   */
  constructor(run, everyMs) {
    this.#run = run;
    this.#everyMs = everyMs;
    document.addEventListener('visibilitychange', () => {
      if (this.#isOn && !document.hidden) this.start();
    });
  }

  /** Runs at once, and then repeatedly. */
  start() {
    this.stop();
    this.#isOn = true;
    void this.#next();
  }

  stop() {
    this.#isOn = false;
    clearTimeout(this.#timer);
  }

  async #next() {
    if (document.hidden) return;
    let leastMs = 0;
    try {
      leastMs = (await this.#run()) ?? 0;
    } finally {
      if (this.#isOn) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#next(), Math.max(this.#everyMs, leastMs));
      }
    }
  }
}
