import type { Clock } from '../../core/clock.ts';
import type { OfferLimits } from './offer.ts';
import type { CallCodec } from './peer-connection.ts';

/** Bounds of a call and of its connection. */
export interface CallLimits extends OfferLimits {
  /** From the answer until the client is connected. */
  connectMs: number;
  /** Without any packet from a client, before it counts as gone. */
  silenceMs: number;
  /** Maximum size of a message from the client on the data channel: `a=max-message-size` of the answer. */
  messageBytes: number;
  /** Maximum total size of the messages on the data channel that wait to be processed. */
  pendingBytes: number;
}

export interface CallOptions {
  clock: Clock;
  /** The UDP port of all calls; 0 selects a free one. */
  port: number;
  /** The addresses that answers name: the public address of a server behind 1:1 NAT. Empty: those of the machine. */
  addresses: readonly string[];
  /** Whether only clients on this machine can connect. */
  localOnly: boolean;
  /** The accepted codecs; the client's preference decides between them. */
  codecs: readonly CallCodec[];
  /** How far audio is taken ahead of its playback. */
  leadMs: number;
  limits: CallLimits;
}
