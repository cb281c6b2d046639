/**
 * The ids that clients' events carry to the upstream, from which its errors find their way back: to the client who
 * caused them, with the id that it gave, if it gave one. They carry all that is needed, so that nothing is kept.
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

/** The id to send; one that is too long to be carried is sent as it is. */
export function encodeOrigin({ peer, sequence, clientEventId }: Origin): string {
  const number = `peer${peer}-${sequence}`;
  if (clientEventId === null) return number;
  return clientEventId.length > longestCarried ? clientEventId : `${number}.${clientEventId}`;
}

/** Where an id came from; undefined when it is none of `encodeOrigin`'s. */
export function decodeOrigin(id: unknown): Origin | undefined {
  const match = typeof id === 'string' ? /^peer(\d{1,15})-(\d{1,15})(?:\.(.*))?$/s.exec(id) : null;
  if (!match) return undefined;
  const [, peer, sequence, clientEventId = null] = match;
  return { peer: Number(peer), sequence: Number(sequence), clientEventId };
}
