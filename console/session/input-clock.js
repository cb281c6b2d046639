/** Places positions of the server's input audio (`audio_start_ms`, `audio_end_ms`) on the time axis. */

/** Where the browser was too busy to send audio, positions fall behind the axis, so only the last reports are used. */
const maxReports = 2;
/** Stretches without gaps in which later positions can be. */
const maxStarts = 1000;

export class InputClock {
  /** Where stretches without gaps begin: in the input audio, and on the axis. @type {{ inputMs: number, atMs: number }[]} */
  #starts = [];
  #inputMs = 0;
  #endMs = Number.NEGATIVE_INFINITY;
  /** In calls, where no event says what was sent: the delays of the last reports. @type {number[]} */
  #delaysMs = [];

  /**
   * Audio was sent in an event.
   * @param {number} atMs where it is on the axis
   * @param {number} durationMs
   */
  sent(atMs, durationMs) {
    if (Math.abs(atMs - this.#endMs) > 1) this.#starts.push({ inputMs: this.#inputMs, atMs });
    if (this.#starts.length > maxStarts) this.#starts.shift();
    this.#inputMs += durationMs;
    this.#endMs = atMs + durationMs;
  }

  /**
   * The server reported a position.
   * @param {number} inputMs in the input audio
   * @param {number} reportedMs on the axis
   */
  reported(inputMs, reportedMs) {
    this.#delaysMs = [...this.#delaysMs, reportedMs - inputMs].slice(-maxReports);
  }

  /** @param {number} inputMs a position in the input audio */
  timeOf(inputMs) {
    const start = this.#starts.findLast((candidate) => candidate.inputMs <= inputMs);
    if (start !== undefined) return start.atMs + inputMs - start.inputMs;
    // A position is at most as late as its report, so the earlier report gives the better estimate.
    return Math.max(0, inputMs + Math.min(...this.#delaysMs));
  }
}
