/** Dates and times in words, in one time zone. */

const DAY_MS = 86_400_000;

export class Calendar {
  readonly #now: () => number;
  readonly #time: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;

  /** `now` gives milliseconds since the epoch. Throws RangeError for an unknown IANA time zone. */
  constructor(now: () => number, timeZone?: string) {
    this.#now = now;
    this.#time = new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit', timeZone });
    this.#date = new Intl.DateTimeFormat('en-US', { dateStyle: 'full', timeZone });
  }

  /** `3:05 PM`. */
  time(): string {
    return this.#time.format(this.#now()).replace(/\s/gu, ' ');
  }

  /** `Tuesday, November 3, 2026`. */
  date(offsetDays = 0): string {
    return this.#date.format(this.#now() + offsetDays * DAY_MS);
  }
}
