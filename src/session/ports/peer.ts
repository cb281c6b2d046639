import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';
import type { AudioCodec } from './audio-codec.ts';
import type { Playback } from './playback.ts';

/** The reason for closing a peer: a WebSocket close code and a text of at most 123 bytes. */
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
  /** The encoding of audio in its events. */
  readonly codec: AudioCodec;
  /**
   * The playback of a peer that carries audio itself: such a peer receives no `response.output_audio.delta`, and writes
   * input with `Session.write`. Absent if audio is carried in events.
   */
  readonly playback?: Playback | undefined;
  /**
   * A sideband observes and controls a call whose audio another peer carries: it receives neither `session.created` nor
   * `response.output_audio.delta`.
   */
  readonly sideband?: boolean;
  /** The extensions that its client requested and that this server has. */
  readonly extensions?: ReadonlySet<string>;
  send(event: OutgoingEvent): void;
  close(reason: CloseReason): void;
}
