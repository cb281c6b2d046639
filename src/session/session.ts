import type { AudioClip } from '../audio/audio-clip.ts';
import type { WireError } from '../protocol/errors/wire-errors.ts';
import type { ClientEvent } from '../protocol/wire/client-events.ts';
import type { SessionType } from '../protocol/wire/session-config.ts';
import type { CloseReason, Peer } from './ports/peer.ts';

/** What a session is, for whoever lists them. */
export interface SessionDescription {
  id: string;
  type: SessionType;
  /** Empty for a transcription session, which has none. */
  model: string;
  /** Seconds since the epoch. */
  expiresAt: number;
  /** How many are attached now. */
  peers: number;
}

/**
 * One conversation, apart from the connections that carry it: it is open from its construction, and any number of peers may
 * be attached, none at first. Whatever
 * a transport hands in is processed in order; nothing that a client sends makes these methods throw.
 */
export interface Session {
  readonly id: string;
  /** Resolves once it has ended: its last peer has left and none came back in time, its time is over, or it was closed. */
  readonly ended: Promise<void>;
  describe(): SessionDescription;
  /** Adds a peer; the first event it is sent is `session.created`. */
  attach(peer: Peer): void;
  /** Removes a peer whose connection is gone. A session that its last peer has left ends, after its grace period. */
  detach(peer: Peer): void;
  /**
   * Takes one client event. A promise means that the session is behind: its transport should read no more
   * from this client until it resolves.
   */
  receive(event: ClientEvent, from: Peer): void | Promise<void>;
  /**
   * Takes audio of a peer that carries it itself: mono, at any rate, in order with that peer's events. The samples are
   * copied. A promise as from `receive`.
   */
  write(audio: AudioClip, from: Peer): void | Promise<void>;
  /** Tells one peer that its frame was refused; `clientEventId` is echoed where the frame had one. */
  refuse(error: WireError, clientEventId: string | null, to: Peer): void;
  /** Resolves once no response is running; from then on none is started. */
  drain(): Promise<void>;
  /** Ends the session: stops its engines and closes its peers. */
  close(reason: CloseReason): void;
}
