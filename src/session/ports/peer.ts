import type { OutgoingEvent } from '../../protocol/wire/server-events.ts';
import type { AudioCodec } from './audio-codec.ts';
import type { Playback } from './playback.ts';

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
  /** How audio is coded in its events. */
  readonly codec: AudioCodec;
  /**
   * Where a peer that carries audio itself plays it: such a peer is sent no `response.output_audio.delta`, and writes input
   * by `Session.write`. Absent where audio travels in events.
   */
  readonly playback?: Playback | undefined;
  send(event: OutgoingEvent): void;
  close(reason: CloseReason): void;
}
