import type { IdSource } from '../../protocol/wire/ids.ts';
import type { OutgoingEvent, UnsentEvent } from '../../protocol/wire/server-events.ts';
import type { Peer } from '../../session/ports/peer.ts';

/** The clients of a relayed session, by number. */
export class RelayedPeers {
  readonly #ids: IdSource;
  readonly #numbers = new Map<Peer, number>();
  #added = 0;

  constructor(ids: IdSource) {
    this.#ids = ids;
  }

  get count(): number {
    return this.#numbers.size;
  }

  get all(): readonly Peer[] {
    return [...this.#numbers.keys()];
  }

  add(peer: Peer): void {
    this.#numbers.set(peer, ++this.#added);
  }

  remove(peer: Peer): void {
    this.#numbers.delete(peer);
  }

  clear(): void {
    this.#numbers.clear();
  }

  /** Undefined if it has left. */
  numberOf(peer: Peer): number | undefined {
    return this.#numbers.get(peer);
  }

  /** Sends an event to the peer with a number, or to all if there is none. */
  deliver(event: OutgoingEvent, to?: number): void {
    for (const [peer, number] of this.#numbers) if (to === undefined || number === to) peer.send(event);
  }

  /** Sends an event of this server to all. */
  emit(event: UnsentEvent): void {
    this.deliver({ ...event, event_id: this.#ids('event') });
  }

  /** Sends an event of this server to one peer, if it is still attached. */
  sendTo(peer: Peer, event: UnsentEvent): void {
    if (this.#numbers.has(peer)) peer.send({ ...event, event_id: this.#ids('event') });
  }
}
