/** Dates and times in words, in one time zone. */

const DAY_MS = 86_400_000;
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

export class Calendar {
  readonly #now: () => number;
  readonly #time: Intl.DateTimeFormat;
  readonly #date: Intl.DateTimeFormat;
  readonly #iso: Intl.DateTimeFormat;

  /** `now` gives milliseconds since the epoch. Throws RangeError for an unknown IANA time zone. */
  constructor(now: () => number, timeZone?: string) {
    this.#now = now;
    this.#time = new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit', timeZone });
    this.#date = new Intl.DateTimeFormat('en-US', { dateStyle: 'full', timeZone });
    this.#iso = new Intl.DateTimeFormat('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit', timeZone });
  }

  /** `3:05 PM`. */
  time(): string {
    return this.#time.format(this.#now()).replace(/\s/gu, ' ');
  }

  /** `Tuesday, November 3, 2026`. */
  date(offsetDays = 0): string {
    return this.#date.format(this.#now() + offsetDays * DAY_MS);
  }

  /** The day that a phrase names, as `2026-11-03`; today for one that names none. */
  isoDate(phrase: string): string {
    const given = /\b\d{4}-\d{2}-\d{2}\b/.exec(phrase);
    if (given) return given[0];
    const words = phrase.toLowerCase();
    const today = WEEKDAYS.indexOf(this.date().split(',')[0]?.toLowerCase() ?? '');
    const weekday = WEEKDAYS.findIndex((day) => words.includes(day));
    let offset = 0;
    if (weekday >= 0) offset = ((weekday - today + 6) % 7) + 1;
    else if (words.includes('tomorrow')) offset = 1;
    else if (words.includes('yesterday')) offset = -1;
    return this.#iso.format(this.#now() + offset * DAY_MS);
  }

  /** The time that a phrase names, as `15:05:00`; noon for one that names none. */
  isoTime(phrase: string): string {
    const words = phrase.toLowerCase();
    if (words.includes('midnight')) return '00:00:00';
    const clock = /\b(?:at )?(\d{1,2})(?::(\d{2}))? ?(am|pm|a\.m|p\.m)\b|\b(\d{1,2}):(\d{2})\b|\bat (\d{1,2})\b/.exec(
      words,
    );
    if (!clock) return '12:00:00';
    const half = clock[3] ? (clock[3].startsWith('p') ? 12 : 0) : undefined;
    const hour = Number(clock[1] ?? clock[4] ?? clock[6]);
    const hours = (half === undefined ? hour : (hour % 12) + half) % 24;
    const minutes = Number(clock[2] ?? clock[5] ?? 0) % 60;
    return `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}:00`;
  }
}
