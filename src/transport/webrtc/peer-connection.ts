import type { AudioClip } from '../../audio/audio-clip.ts';
import type { Playback } from '../../session/ports/playback.ts';

/** Audio codecs of a call, as `a=rtpmap` names them, in lower case. */
export const callCodecs = ['opus', 'pcmu', 'pcma'] as const;
export type CallCodec = (typeof callCodecs)[number];

/** The reason for the end of a connection. */
export type ConnectionEnd =
  /** `close()` was called, here or because the signal of `accept` was aborted. */
  | 'closed'
  /** The client closed the connection: DTLS close_notify, or its data channel. */
  | 'left'
  /** The client was connected, and nothing arrives from it any more. */
  | 'vanished'
  /** ICE or DTLS did not succeed in time. */
  | 'unreachable'
  /** More arrived than was processed, beyond a limit. */
  | 'flooded'
  /** SCTP from the client was invalid. */
  | 'malformed';

/** The audio packets from a client. */
export interface ReceivedPackets {
  /** Those that arrived, late ones included. */
  received: number;
  /** Those that did not arrive in time: `recovered` and `concealed`, unless the time of the audio had not come yet. */
  lost: number;
  /** Lost ones that were restored from the next packet (FEC). */
  recovered: number;
  /** Lost ones that were replaced by a fading continuation of the sound, or by silence. */
  concealed: number;
  /** Those that arrived after they had been given up, or again. */
  late: number;
  /** Those that were invalid, or beyond real time. */
  dropped: number;
}

/** The data channel `oai-events`. Text is sent and received whole, in order. */
export interface EventChannel {
  readonly isOpen: boolean;
  /** The size of the largest message that the client accepts, from `a=max-message-size`, in bytes of UTF-8. */
  readonly maxMessageBytes: number;
  /** Bytes passed to `send` that have not been sent yet. */
  readonly bufferedBytes: number;
  /** Whether the client has acknowledged everything passed to `send`: the end of the connection loses the rest. */
  readonly isDelivered: boolean;
  /**
   * Sends a text; ignored after the end of the connection.
   * @throws {RangeError} when it is larger than `maxMessageBytes`, or the channel is not open yet
   */
  send(text: string): void;
}

/** Receives what arrives from the client. Called from the event loop, never before `accept` has resolved. */
export interface ConnectionHandlers {
  /** ICE and DTLS are up: audio flows. Called once. */
  connected(): void;
  /** The client has opened the data channel. Called once, at most; a call may have none. */
  channelOpened(channel: EventChannel): void;
  /**
   * A message of the data channel; bytes for a binary one. Further messages wait for a returned promise, within a
   * limit (`flooded`).
   */
  message(data: string | Uint8Array): void | Promise<void>;
  /** `bufferedBytes` has decreased. */
  drained(): void;
  /**
   * The next audio from the client: continuous from the first packet on, because pauses of the sender (DTX) are filled
   * with silence and lost packets are concealed.
   */
  audio(clip: AudioClip): void;
  /** Audio arrives faster than real time, and is dropped. Called once, at most. */
  audioExceeded(): void;
}

/**
 * The connection of one WebRTC client: it carries audio both ways, and text on a data channel. `playback` is the
 * session's view of the audio that is sent (`Peer.playback`), measured on the wire.
 */
export interface PeerConnection {
  /** The SDP answer with all candidates: trickle ICE is not used. */
  readonly answer: string;
  readonly codec: CallCodec;
  /** `EventChannel.maxMessageBytes` of the data channel that the client offers; undefined if it offers none. */
  readonly maxMessageBytes: number | undefined;
  readonly playback: Playback;
  /** The counts so far. */
  readonly received: Readonly<ReceivedPackets>;
  /** Resolves once, when the connection has ended; sockets, timers and codecs are released. Never rejects. */
  readonly ended: Promise<ConnectionEnd>;
  /** Ends the connection, and informs the client if it is reachable. Further calls have no effect. */
  close(): void;
}

/** Accepts the offers of clients. */
export interface PeerConnections {
  /**
   * Answers an SDP offer. Resolves with the answer complete, before the client is connected.
   * An abort of `signal` closes the connection, at any time.
   * @throws {OfferError} when the offer cannot be answered
   * @throws {NoPortError} when every port of the configured range is in use
   */
  accept(offer: string, handlers: ConnectionHandlers, signal: AbortSignal): Promise<PeerConnection>;
  /** Ends all connections, and releases shared sockets. */
  close(): Promise<void>;
}

/** An SDP offer that cannot be answered. The message says why, for the client. */
export class OfferError extends Error {
  override name = 'OfferError';
}

/** No local port is free for another call. */
export class NoPortError extends Error {
  override name = 'NoPortError';
}
