import type { ClientEvent } from '../protocol/wire/client-events.ts';
import type { Peer } from './ports/peer.ts';

interface MailboxHost {
  /** Resolves once voice activity detection has seen all that was appended so far. */
  earsSettled(): Promise<void>;
  /** Does what an event asks for; a promise where that takes several turns of the event loop. Never throws or rejects. */
  handle(event: ClientEvent, from: Peer): void | Promise<void>;
}

/** Events that act on the input buffer: they wait until voice activity detection has seen all that was appended before. */
const waitsForEars: ReadonlySet<ClientEvent['type']> = new Set([
  'input_audio_buffer.commit',
  'input_audio_buffer.clear',
  'session.update',
]);

/** What clients have sent, one event after the other. */
export class Mailbox {
  readonly #host: MailboxHost;
  readonly #waiting: { event: ClientEvent; from: Peer }[] = [];
  #working = false;
  #closed = false;
  #caughtUp: Promise<void> = Promise.resolve();

  constructor(host: MailboxHost) {
    this.#host = host;
  }

  /** Takes an event, and has it handled at once if nothing waits; a promise for the time when all have been handled. */
  receive(event: ClientEvent, from: Peer): Promise<void> | undefined {
    this.#waiting.push({ event, from });
    if (!this.#working) this.#caughtUp = this.#work();
    return this.#working ? this.#caughtUp : undefined;
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  /** Runs synchronously as far as it can. */
  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (waitsForEars.has(next.event.type)) await this.#host.earsSettled();
      if (this.#closed) return;
      this.#waiting.shift();
      const handled = this.#host.handle(next.event, next.from);
      if (handled) await handled;
    }
    this.#working = false;
  }
}
