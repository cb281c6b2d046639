import type { WireError } from '../../protocol/errors/wire-errors.ts';
import type { Peer } from '../../session/ports/peer.ts';
import type { Outgoing } from './outgoing.ts';

/** What waits to be handled: an event, or a refusal that has to keep its place among them. */
export type QueuedFrame = { from: Peer } & (
  | { sent: Outgoing; refusal?: undefined }
  | { refusal: WireError; clientEventId: string | null }
);

/** Counted for what an entry takes beside its text. */
const entryBytes = 256;

/** What clients have sent and the upstream cannot take yet: while it is connected, and while a response is admitted. */
export class ClientQueue {
  readonly #limitBytes: number;
  readonly #entries: QueuedFrame[] = [];
  #bytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  /** Whether clients should be read no further. */
  get full(): boolean {
    return this.#bytes > this.#limitBytes;
  }

  /** Whether a client went on, although it is not read further: with frames that were refused. */
  get overflowing(): boolean {
    return this.#bytes > 2 * this.#limitBytes;
  }

  push(entry: QueuedFrame): void {
    this.#entries.push(entry);
    this.#bytes += weight(entry);
  }

  /** Puts back what could not be handled after all. */
  putBack(entry: QueuedFrame): void {
    this.#entries.unshift(entry);
    this.#bytes += weight(entry);
  }

  take(): QueuedFrame | undefined {
    const entry = this.#entries.shift();
    if (entry) this.#release(weight(entry));
    return entry;
  }

  /** Resolves once it is not full. */
  room(): Promise<void> {
    if (!this.full) return Promise.resolve();
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** Drops everything. */
  clear(): void {
    this.#entries.length = 0;
    this.#release(this.#bytes);
  }

  #release(bytes: number): void {
    this.#bytes -= bytes;
    if (this.full) return;
    this.#room?.resolve();
    this.#room = undefined;
  }
}

function weight(entry: QueuedFrame): number {
  return entryBytes + (entry.refusal ? 0 : entry.sent.frame.length);
}
