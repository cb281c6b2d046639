/** The number of responses that the median is of. */
const mostResponses = 20;

/** Latencies of the last responses with audio: from the end of speech, or as in `LedgerStages`, to the first audible sample. */
export class RecentLatencies {
  readonly #ms: number[] = [];

  add(ms: number): void {
    this.#ms.push(ms);
    if (this.#ms.length > mostResponses) this.#ms.shift();
  }

  get count(): number {
    return this.#ms.length;
  }

  /** In milliseconds; NaN if there is none. */
  get medianMs(): number {
    const sorted = this.#ms.toSorted((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    const upper = sorted[middle] ?? Number.NaN;
    return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
  }
}
