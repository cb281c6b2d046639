// biome-ignore-all lint/complexity/useLiteralKeys: only this notation reaches private members

import type { RTCSctpTransport } from 'werift';
import type { CallLimits } from '../call-options.ts';
import { checkSctp } from './packet-checks.ts';

type Sctp = RTCSctpTransport['sctp'];

/** Chunks behind a missing one: werift sorts all of them at each. A message of 1 MiB has about 900. */
const mostOutOfOrder = 1024;
/** Chunks of incomplete messages: werift visits all of a stream at each. */
const mostIncomplete = 4096;
/** Streams on which a client sends; it needs one. */
const mostStreams = 64;

/**
 * Bounds the SCTP of a client. werift announces a receive window of 1 MiB, and does not enforce it; a packet that it
 * cannot process becomes an unhandled rejection. `refused` is called for both.
 */
export function guardSctp(
  transport: RTCSctpTransport,
  limits: Pick<CallLimits, 'pendingBytes' | 'messageBytes'>,
  refused: (reason: 'flooded' | 'malformed') => void,
): void {
  const { sctp } = transport;
  const malformed = () => refused('malformed');
  const handle = sctp['handleData'].bind(sctp);
  const receive = transport['datachannelReceive'];
  sctp['advertisedRwnd'] = limits.pendingBytes;
  sctp['handleData'] = async (packet: Buffer) => {
    try {
      checkSctp(packet);
      await handle(packet);
    } catch {
      return malformed();
    }
    if (exceeds(sctp, limits.messageBytes)) refused('flooded');
  };
  sctp.onReceive.allUnsubscribe();
  sctp.onReceive.subscribe((...message) => void receive(...message).catch(malformed));
}

/** Whether the client has sent more parts of messages than the window has room for, or too many of them. */
function exceeds(sctp: Sctp, messageBytes: number): boolean {
  const streams: { reassembly: unknown[] }[] = Object.values(sctp['inboundStreams']);
  const incomplete = streams.reduce((sum, { reassembly }) => sum + reassembly.length, 0);
  return (
    sctp['advertisedRwnd'] < -messageBytes ||
    sctp['sackMisOrdered'].size > mostOutOfOrder ||
    incomplete > mostIncomplete ||
    streams.length > mostStreams
  );
}
