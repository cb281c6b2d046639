/** A dialect turns a client's text frames into typed events, and server events into text frames. */

import type { ClientEvent } from './wire/client-events.ts';
import type { OutgoingEvent } from './wire/server-events.ts';

export interface Dialect {
  readonly name: 'ga' | 'beta';
  /**
   * Parses one text frame.
   * @throws {ClientEventError} when it is not an event of this dialect
   */
  parse(text: string): ClientEvent;
  /** An event as this dialect sends it, to be written as JSON; undefined where it has no such event. */
  render(event: OutgoingEvent): object | undefined;
  /** The frame for an event, or undefined where this dialect has no such event. */
  serialise(event: OutgoingEvent): string | undefined;
}
