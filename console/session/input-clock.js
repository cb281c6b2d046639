/** Places positions of the server's input audio (`audio_start_ms`, `audio_end_ms`) on the time axis. */

export class InputClock {
  /** Where stretches without gaps begin: in the input audio, and on the axis. @type {{ inputMs: number, atMs: number }[]} */
  #starts = [];
  #inputMs = 0;
  #endMs = Number.NEGATIVE_INFINITY;
  /** In calls, where no event says what was sent: the smallest delay with which the server reported a position. */
  #offsetMs = Number.POSITIVE_INFINITY;

  /**
   * Audio was sent in an event.
   * @param {number} atMs where it is on the axis
   * @param {number} durationMs
   */
  sent(atMs, durationMs) {
    if (Math.abs(atMs - this.#endMs) > 1) this.#starts.push({ inputMs: this.#inputMs, atMs });
    this.#inputMs += durationMs;
    this.#endMs = atMs + durationMs;
  }

  /**
   * @param {number} inputMs a position in the input audio
   * @param {number} reportedMs when the server reported it, on the axis
   */
  timeOf(inputMs, reportedMs) {
    const start = this.#starts.findLast((candidate) => candidate.inputMs <= inputMs);
    if (start !== undefined) return start.atMs + inputMs - start.inputMs;
    // A position is at most as late as its report, so the earliest report gives the best estimate.
    this.#offsetMs = Math.min(this.#offsetMs, reportedMs - inputMs);
    return Math.max(0, inputMs + this.#offsetMs);
  }
}
