import type { Dialect } from '../../protocol/dialect.ts';
import { callErrors } from '../../protocol/errors/call-errors.ts';
import { errorEvent } from '../../protocol/errors/wire-errors.ts';
import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';
import { fittedJson } from './fitted-event.ts';
import type { EventChannel } from './peer-connection.ts';

/** Text that the data channel buffers; further events wait here, where they can be dropped. */
const bufferedBytes = 256 * 1024;

/** The events for the client of a call, in order: held until its data channel is open, and while it is slow. */
export class ChannelOutput {
  readonly #dialect: Dialect;
  readonly #maxBytes: number;
  readonly #waiting: string[] = [];
  #waitingCharacters = 0;
  #channel: EventChannel | undefined;

  /** `maxBytes`: size of the largest message, in UTF-8. */
  constructor(dialect: Dialect, maxBytes: number) {
    this.#dialect = dialect;
    this.#maxBytes = maxBytes;
  }

  /** Whether the client has everything, or has opened no channel. */
  get isSettled(): boolean {
    return !this.#channel || (this.#waiting.length === 0 && this.#channel.isDelivered);
  }

  /** Bytes that have not been sent; for an event that waits here, its characters. */
  get unsentBytes(): number {
    return this.#waitingCharacters + (this.#channel?.bufferedBytes ?? 0);
  }

  /** Sends an event, unless the dialect does not have it; returns its length, in characters. */
  send(event: OutgoingEvent): number {
    const rendered = this.#dialect.render(event);
    if (rendered === undefined) return 0;
    const json = fittedJson(rendered, this.#maxBytes) ?? this.#tooLarge(rendered);
    this.#waiting.push(json);
    this.#waitingCharacters += json.length;
    this.flush();
    return json.length;
  }

  opened(channel: EventChannel): void {
    this.#channel = channel;
    this.flush();
  }

  /** Passes on what the channel has room for. */
  flush(): void {
    const channel = this.#channel;
    if (!channel) return;
    while (channel.bufferedBytes < bufferedBytes) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#waitingCharacters -= next.length;
      channel.send(next);
    }
  }

  /** Drops all waiting events. */
  clear(): void {
    this.#waiting.length = 0;
    this.#waitingCharacters = 0;
  }

  #tooLarge(rendered: object): string {
    const { type, event_id }: { type?: unknown; event_id?: unknown } = rendered;
    const raised = callErrors.eventTooLarge(String(type), this.#maxBytes);
    return JSON.stringify(this.#dialect.render({ ...errorEvent(raised, null), event_id: String(event_id) }));
  }
}
