/** The part of the time axis that is shown. */

const leastSpanMs = 500;
const mostSpanMs = 2 * 3_600_000;
/** Free space after the present, in parts of the span. */
const margin = 0.04;

export class Viewport {
  #spanMs = 20_000;
  #endMs = this.#spanMs;
  #isLive = true;

  get fromMs() {
    return this.#endMs - this.#spanMs;
  }

  get untilMs() {
    return this.#endMs;
  }

  get spanMs() {
    return this.#spanMs;
  }

  /** Whether it follows the present. */
  get isLive() {
    return this.#isLive;
  }

  /** @param {number} nowMs */
  follow(nowMs) {
    this.#isLive = true;
    this.update(nowMs);
  }

  hold() {
    this.#isLive = false;
  }

  /**
   * Time has passed.
   * @param {number} nowMs
   */
  update(nowMs) {
    if (this.#isLive) this.#endMs = Math.max(this.#spanMs, nowMs + this.#spanMs * margin);
  }

  /**
   * @param {number} factor below 1: shows less, in more detail
   * @param {number} [aboutMs] stays where it is; by default the present or the middle
   */
  zoom(factor, aboutMs = this.#isLive ? this.#endMs : this.#endMs - this.#spanMs / 2) {
    const spanMs = Math.min(mostSpanMs, Math.max(leastSpanMs, this.#spanMs * factor));
    const part = (this.#endMs - aboutMs) / this.#spanMs;
    this.#spanMs = spanMs;
    this.#endMs = Math.max(spanMs, aboutMs + part * spanMs);
  }

  /** @param {number} ms to later times */
  pan(ms) {
    this.#isLive = false;
    this.#endMs = Math.max(this.#spanMs, this.#endMs + ms);
  }

  /**
   * Shows a whole stretch.
   * @param {number} fromMs
   * @param {number} untilMs
   */
  fit(fromMs, untilMs) {
    this.#isLive = false;
    this.#spanMs = Math.min(mostSpanMs, Math.max(leastSpanMs, (untilMs - fromMs) * (1 + 2 * margin)));
    this.#endMs = Math.max(this.#spanMs, untilMs + this.#spanMs * margin);
  }

  /**
   * Moves as little as needed to show a stretch, or its start if it is too long.
   * @param {number} fromMs
   * @param {number} untilMs
   */
  reveal(fromMs, untilMs) {
    const border = this.#spanMs * margin;
    if (untilMs + border > this.#endMs) this.pan(untilMs + border - this.#endMs);
    if (fromMs - border < this.fromMs) this.pan(fromMs - border - this.fromMs);
  }
}

/**
 * Distance between the labels of the axis: 1, 2 or 5 times a power of ten, or whole minutes.
 * @param {number} spanMs
 * @param {number} count the approximate number of labels
 */
export function tickMs(spanMs, count) {
  const steps = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000];
  return steps.find((step) => spanMs / step <= count) ?? 3_600_000;
}

/** @param {number} ms */
export function formatTime(ms) {
  const minutes = Math.floor(ms / 60_000);
  const seconds = ((ms % 60_000) / 1000).toFixed(3).replace(/\.?0+$/, '');
  return minutes === 0 ? `${seconds} s` : `${minutes}:${seconds.replace(/^\d(?=\.|$)/, '0$&')}`;
}
