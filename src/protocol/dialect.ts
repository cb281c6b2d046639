/** A dialect parses a client's text frames into typed events, and serializes server events. */

import type { CheckNotices } from './parse/schema-check.ts';
import type { ClientEvent } from './wire/client-events.ts';
import type { OutgoingEvent } from './wire/server-events.ts';

export interface Dialect {
  readonly name: 'ga' | 'beta';
  /**
   * Parses one text frame. `notices` receives what the dialect accepts although the hosted service refuses it.
   * @throws {ClientEventError} when it is not a valid event of this dialect
   */
  parse(text: string, notices?: CheckNotices): ClientEvent;
  /** An event in this dialect, ready for JSON; undefined if the dialect does not have it. */
  render(event: OutgoingEvent): object | undefined;
  /** The frame for an event, or undefined if the dialect does not have it. */
  serialise(event: OutgoingEvent): string | undefined;
}
