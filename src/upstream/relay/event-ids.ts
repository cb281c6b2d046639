/**
 * Event ids on the way to the upstream, by which its errors are mapped back to the client and its own event id. Every
 * event gets an id of the relay, so that a client's id is never mistaken for one. It contains the client's id; only ids
 * that are too long for that are stored here.
 */

export interface Origin {
  /** The number of the peer. */
  peer: number;
  /** The number of the event. */
  sequence: number;
  /** The client's event id; null if it gave none. */
  clientEventId: string | null;
}

/** An id may have 512 characters; a longer one than this leaves no room for the number. */
const longestCarried = 470;
/** Number of stored ids: 512 KiB at most. An error for an older one has no event id. */
const maxStored = 1024;

export class EventIds {
  /** By the number of the event, oldest first. */
  readonly #stored = new Map<number, string>();

  /** The id to send. */
  encode({ peer, sequence, clientEventId }: Origin): string {
    const number = `peer${peer}-${sequence}`;
    if (clientEventId === null) return number;
    if (clientEventId.length <= longestCarried) return `${number}.${clientEventId}`;
    this.#stored.set(sequence, clientEventId);
    for (const oldest of this.#stored.keys()) {
      if (this.#stored.size <= maxStored) break;
      this.#stored.delete(oldest);
    }
    return number;
  }

  /** The origin of an id; undefined if `encode` did not make it. */
  decode(id: unknown): Origin | undefined {
    const match = typeof id === 'string' ? /^peer(\d{1,15})-(\d{1,15})(?:\.(.*))?$/s.exec(id) : null;
    if (!match) return undefined;
    const [, peer, digits, carried] = match;
    const sequence = Number(digits);
    return { peer: Number(peer), sequence, clientEventId: carried ?? this.#stored.get(sequence) ?? null };
  }
}
