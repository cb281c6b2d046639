import type { AudioClip } from '../audio/audio-clip.ts';
import type { WireError } from '../protocol/errors/wire-errors.ts';
import type { ClientEvent } from '../protocol/wire/client-events.ts';
import type { SessionType } from '../protocol/wire/session-config.ts';
import type { Watcher } from './observing/watchers.ts';
import type { CloseReason, Peer } from './ports/peer.ts';

/** The description of a session in lists. */
export interface SessionDescription {
  id: string;
  type: SessionType;
  /** Empty for a transcription session, which has none. */
  model: string;
  /** Seconds since the epoch. */
  expiresAt: number;
  /** The number of attached peers. */
  peers: number;
}

/**
 * One conversation, independent of the connections that carry it: it is open from its construction, and any number of
 * peers may be attached, initially none.
 * Input from a transport is processed in order; input from clients never makes these methods throw.
 */
export interface Session {
  readonly id: string;
  /**
   * Resolves when the session has ended: its last peer left without another joining in time, it expired, or it was
   * closed.
   */
  readonly ended: Promise<void>;
  describe(): SessionDescription;
  /** Adds a peer; its first event is `session.created`, unless it is a sideband. */
  attach(peer: Peer): void;
  /**
   * Removes a peer whose connection is gone. After the last one has left, the session ends when its grace period is
   * over.
   */
  detach(peer: Peer): void;
  /**
   * Takes one client event. A promise means that the session is behind: its transport should not read more
   * from this client until it resolves.
   */
  receive(event: ClientEvent, from: Peer): void | Promise<void>;
  /**
   * Takes audio of a peer that carries it itself: mono, at any rate, in order with that peer's events. The samples are
   * copied. A promise as from `receive`.
   */
  write(audio: AudioClip, from: Peer): void | Promise<void>;
  /** Reports to one peer that its frame was refused; includes `clientEventId` if the frame had one. */
  refuse(error: WireError, clientEventId: string | null, to: Peer): void;
  /**
   * Sends a copy of every event that a client gets to a watcher, in GA form and without audio deltas, until the returned
   * function is called or the session ends. Nothing else changes.
   */
  watch(watcher: Watcher): () => void;
  /** Resolves once no response is running; no further response is started. */
  drain(): Promise<void>;
  /** Ends the session: stops its engines and closes its peers. */
  close(reason: CloseReason): void;
}
