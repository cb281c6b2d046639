import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';

/** Why a peer is being closed: a WebSocket close code and a reason of at most 123 bytes. */
export interface CloseReason {
  code: number;
  reason: string;
}

/**
 * One client attached to a session. It adapts events to its own dialect and transport, and bounds its own
 * outgoing queue.
 */
export interface Peer {
  readonly id: string;
  send(event: OutgoingEvent): void;
  close(reason: CloseReason): void;
}
