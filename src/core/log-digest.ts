import type { Clock } from './clock.ts';
import { boundedDetails } from './log-details.ts';

/** The number of entries of an event that are logged per minute, and the details by which they are grouped. */
export interface DigestRule {
  perMinute: number;
  by?: readonly string[];
}

type Level = 'debug' | 'info' | 'warn' | 'error';
type Entries<Event extends string> = Record<Level, (event: Event, details: object) => void>;
/** `writes`: whether entries of a level are written; all are if it is absent. */
type WrittenEntries<Event extends string> = Entries<Event> & { writes?(level: Level): boolean };

export interface LogDigestOptions<Event extends string> {
  log: WrittenEntries<Event>;
  clock: Clock;
  rules: Partial<Record<Event, DigestRule>>;
  /** The event that reports the number of omitted entries. */
  summary: Event;
  /** For events without a rule. */
  entriesPerMinute: number;
}

interface Repeated {
  level: Level;
  logged: number;
  omitted: number;
  last: object;
}

const minuteMs = 60_000;
/** Kinds of one event that are counted separately in a minute; all others count as one kind. */
const mostKinds = 32;

/**
 * Bounds the rate of log entries. The first entries of a kind and level in each minute are written, the others are
 * counted, and one summary at the end of the minute has their number and the last of them.
 */
export class LogDigest<Event extends string> implements Entries<Event> {
  readonly #options: LogDigestOptions<Event>;
  readonly #events = new Map<Event, Map<string, Repeated>>();
  #cancel: () => void;

  constructor(options: LogDigestOptions<Event>) {
    this.#options = options;
    this.#cancel = this.#schedule();
  }

  debug(event: Event, details: object): void {
    this.#take('debug', event, details);
  }

  info(event: Event, details: object): void {
    this.#take('info', event, details);
  }

  warn(event: Event, details: object): void {
    this.#take('warn', event, details);
  }

  error(event: Event, details: object): void {
    this.#take('error', event, details);
  }

  /** Writes the pending summaries and stops counting. Later entries are all written. */
  close(): void {
    this.#cancel();
    this.#report();
  }

  #take(level: Level, event: Event, details: object): void {
    const { log, rules, entriesPerMinute } = this.#options;
    if (log.writes?.(level) === false) return;
    const { perMinute, by = [] } = rules[event] ?? { perMinute: entriesPerMinute };
    const repeated = this.#repeated(level, event, by.map((name) => Reflect.get(details, name)).join(' '));
    if (repeated.logged < perMinute) {
      repeated.logged += 1;
      log[level](event, boundedDetails(details));
    } else {
      repeated.omitted += 1;
      repeated.last = details;
    }
  }

  #repeated(level: Level, event: Event, kind: string): Repeated {
    const kinds = this.#events.get(event) ?? new Map<string, Repeated>();
    this.#events.set(event, kinds);
    // Limited per level, so that frequent entries of one level do not suppress those of another.
    const counted = `${level} ${kinds.size < mostKinds ? kind : 'other'}`;
    const known = kinds.get(`${level} ${kind}`) ?? kinds.get(counted);
    if (known !== undefined) return known;
    const repeated = { level, logged: 0, omitted: 0, last: {} };
    kinds.set(counted, repeated);
    return repeated;
  }

  #schedule(): () => void {
    return this.#options.clock.after(minuteMs, () => {
      this.#report();
      this.#cancel = this.#schedule();
    });
  }

  #report(): void {
    const { log, summary } = this.#options;
    for (const [event, kinds] of this.#events) {
      for (const { level, omitted, last } of kinds.values()) {
        if (omitted > 0) log[level](summary, { of: event, omitted, last: boundedDetails(last) });
      }
    }
    this.#events.clear();
  }
}
