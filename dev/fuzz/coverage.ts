/** The parts of the protocol that a run has reached, for comparison with the requirements. */

import type { WireDialect } from '../harness/official-events.ts';

export interface MetError {
  code: string | null;
  message: string;
}

export class Coverage {
  /** `ga response.create`: sent in valid form and not answered with an error. */
  readonly accepted = new Set<string>();
  /** `ga response.done`: sent by the server. */
  readonly sent = new Set<string>();
  /** One per code and message. */
  readonly errors = new Map<string, MetError>();
  /** `close 1009`, `http 403`, `rest /v1/realtime/client_secrets 200`, `upgrade beta`. */
  readonly marks = new Set<string>();

  accept(dialect: WireDialect, type: string): void {
    this.accepted.add(`${dialect} ${type}`);
  }

  see(dialect: WireDialect, type: string): void {
    this.sent.add(`${dialect} ${type}`);
  }

  meet(error: MetError): void {
    const place = `${error.code} ${error.message.replaceAll(/'[^']*'|\d+/g, '').slice(0, 60)}`;
    if (!this.errors.has(place)) this.errors.set(place, error);
  }

  mark(mark: string): void {
    this.marks.add(mark);
  }

  toJSON(): CoverageState {
    return {
      accepted: [...this.accepted].sort(),
      sent: [...this.sent].sort(),
      errors: [...this.errors.values()],
      marks: [...this.marks].sort(),
    };
  }

  add(state: CoverageState): void {
    for (const each of state.accepted) this.accepted.add(each);
    for (const each of state.sent) this.sent.add(each);
    for (const each of state.errors) this.meet(each);
    for (const each of state.marks) this.marks.add(each);
  }
}

export interface CoverageState {
  accepted: string[];
  sent: string[];
  errors: MetError[];
  marks: string[];
}
