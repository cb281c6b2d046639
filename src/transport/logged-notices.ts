import type { Log } from '../core/log.ts';
import type { Dialect } from '../protocol/dialect.ts';
import type { CheckNotices, Leniency } from '../protocol/parse/schema-check.ts';

/** Logs which fields of a client were dropped, and each leniency once. */
export class LoggedNotices implements CheckNotices {
  readonly #dialect: Dialect['name'];
  readonly #log: Log;
  /** Created on first use: few clients need a leniency. */
  #accepted: Set<Leniency> | undefined;

  constructor(dialect: Dialect['name'], log: Log) {
    this.#dialect = dialect;
    this.#log = log;
  }

  dropped(fields: string[]): void {
    this.#log.warn('unknown_fields_dropped', { dialect: this.#dialect, fields });
  }

  accepted(leniency: Leniency): void {
    this.#accepted ??= new Set();
    if (!this.#accepted.has(leniency)) this.#log.warn('leniency_used', { leniency });
    this.#accepted.add(leniency);
  }
}
