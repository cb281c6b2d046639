/** Dates and times in words, in one time zone. */

const DAY_MS = 86_400_000;

export type Calendar = ReturnType<typeof createCalendar>;

/** `now` gives milliseconds since the epoch. Throws RangeError for an unknown IANA time zone. */
export function createCalendar(now: () => number, timeZone?: string) {
  const time = new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit', timeZone });
  const date = new Intl.DateTimeFormat('en-US', { dateStyle: 'full', timeZone });
  return {
    /** `3:05 PM`. */
    time: () => time.format(now()).replace(/\s/gu, ' '),
    /** `Tuesday, November 3, 2026`. */
    date: (offsetDays = 0) => date.format(now() + offsetDays * DAY_MS),
  };
}
