/**
 * The ids that clients' events carry to the upstream, from which its errors find their way back: to the client who
 * caused them, with the id that it gave, if it gave one. Every event gets an id of the relay's own, so that none of a
 * client's can be taken for one; it carries the client's, and only those that are too long for that are kept here.
 */

export interface Origin {
  /** The number of the peer in its session. */
  peer: number;
  /** The number of the event in its session. */
  sequence: number;
  /** What the client called its event; null where it gave no id. */
  clientEventId: string | null;
}

/** An id may have 512 characters; a longer one than this leaves no room for a number before it. */
const longestCarried = 470;
/** Ids that are kept: 512 KiB at most. An error for an older one comes without its id. */
const mostKept = 1024;

export class EventIds {
  /** By the number of the event; the oldest first. */
  readonly #kept = new Map<number, string>();

  /** The id to send. */
  encode({ peer, sequence, clientEventId }: Origin): string {
    const number = `peer${peer}-${sequence}`;
    if (clientEventId === null) return number;
    if (clientEventId.length <= longestCarried) return `${number}.${clientEventId}`;
    this.#kept.set(sequence, clientEventId);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= mostKept) break;
      this.#kept.delete(oldest);
    }
    return number;
  }

  /** Where an id came from; undefined when it is none of `encode`'s. */
  decode(id: unknown): Origin | undefined {
    const match = typeof id === 'string' ? /^peer(\d{1,15})-(\d{1,15})(?:\.(.*))?$/s.exec(id) : null;
    if (!match) return undefined;
    const [, peer, digits, carried] = match;
    const sequence = Number(digits);
    return { peer: Number(peer), sequence, clientEventId: carried ?? this.#kept.get(sequence) ?? null };
  }
}
