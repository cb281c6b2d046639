import type { IdSource } from '../../protocol/wire/ids.ts';
import type { OutgoingEvent, UnsentEvent } from '../../protocol/wire/server-events.ts';
import type { Peer } from '../../session/ports/peer.ts';

/** The clients of a relayed session, by the number under which their events go up. */
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

  /** Undefined for one that is gone. */
  numberOf(peer: Peer): number | undefined {
    return this.#numbers.get(peer);
  }

  /** Sends an event to the peer with a number, or to all where there is none. */
  deliver(event: OutgoingEvent, to?: number): void {
    for (const [peer, number] of this.#numbers) if (to === undefined || number === to) peer.send(event);
  }

  /** Sends an event of this server's own to all. */
  emit(event: UnsentEvent): void {
    this.deliver({ ...event, event_id: this.#ids('event') });
  }

  /** Sends an event of this server's own to one, if it is still there. */
  sendTo(peer: Peer, event: UnsentEvent): void {
    if (this.#numbers.has(peer)) peer.send({ ...event, event_id: this.#ids('event') });
  }
}
