import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { childLog, type Log } from '../../core/log.ts';
import type { Metering } from '../../metering/metering.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { callErrors } from '../../protocol/errors/call-errors.ts';
import { httpErrors } from '../../protocol/errors/http-errors.ts';
import { withExtensions } from '../../protocol/extensions.ts';
import type { IdSource } from '../../protocol/wire/ids.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import type { Granted } from '../session-authorizer.ts';
import { logSession, type Sender } from '../session-entries.ts';
import type { OpenRequest, SessionRegistry } from '../session-registry.ts';
import type { HeavyFrames } from '../websocket/heavy-frames.ts';
import { CallPeer } from './call-peer.ts';
import { NoPortError, OfferError, type PeerConnections } from './peer-connection.ts';

export interface CallsOptions {
  config: Pick<Config, 'limits'>;
  connections: Pick<PeerConnections, 'accept'>;
  dialects: Readonly<Record<Dialect['name'], Dialect>>;
  heavyFrames: Pick<HeavyFrames, 'parse'>;
  sessions: SessionRegistry;
  clock: Clock;
  ids: IdSource;
  metering: Pick<Metering, 'callEnded'>;
  log: Log;
}

export interface CallRequest {
  /** In SDP. */
  offer: string;
  /** The session to open. */
  open: OpenRequest;
  granted: Pick<Granted, 'dialect' | 'secretId'>;
  extensions: ReadonlySet<string>;
  sender: Sender;
  /** Aborted when the client leaves before it has the answer. */
  signal: AbortSignal;
}

/** Opens the calls of WebRTC clients. */
export class Calls {
  readonly #options: CallsOptions;
  #opened = 0;
  /** Calls whose clients are not connected yet. */
  #pending = 0;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /**
   * Answers an offer, and opens the session of the call. The client is not connected yet.
   * @throws {WireError} when the offer is invalid, or the server is full (`overloaded`)
   * @throws whatever the factory of sessions throws, or the reason of `signal`
   */
  async open({
    offer,
    open,
    granted,
    extensions,
    sender,
    signal,
  }: CallRequest): Promise<{ callId: string; answer: string }> {
    const { config, connections, dialects, heavyFrames, sessions, clock, ids, metering } = this.#options;
    const callId = ids('rtc');
    const id = `call_peer_${++this.#opened}`;
    const log = childLog(this.#options.log, { call: callId, peer: id });
    const claim: WorkClaim = { key: open.owner.keyName ?? '', session: callId, priority: 'live' };
    const { pendingCalls } = config.limits;
    if (this.#pending >= pendingCalls) throw callErrors.tooManyPending(pendingCalls);
    const settled = this.#countPending();
    const peer = new CallPeer({
      ...{ id, limits: config.limits, clock, log },
      established: settled,
      dialect: withExtensions(dialects[granted.dialect], extensions),
      extensions,
      heavyFrames,
      claim,
    });
    try {
      const connection = await connections.accept(offer, peer, signal);
      try {
        signal.throwIfAborted();
        // The server may have filled up since the question was asked.
        if (sessions.unavailable !== undefined) throw httpErrors.overloaded(sessions.unavailable);
        const live = sessions.open({ ...open, callId });
        logSession(
          live,
          { ...open, ...granted, ...sender },
          { log: childLog(log, { session: live.session.id }), clock },
        );
        const disconnected = live.connected(granted.dialect);
        peer.join(live.session, connection, (end) => {
          settled();
          metering.callEnded(connection.received);
          disconnected(end);
        });
      } catch (error) {
        connection.close();
        throw error;
      }
      return { callId, answer: connection.answer };
    } catch (error) {
      settled();
      if (error instanceof OfferError) throw callErrors.badOffer(error.message);
      if (error instanceof NoPortError) throw callErrors.noPort();
      throw error;
    }
  }

  /** Counts a pending call until the returned function is called. */
  #countPending(): () => void {
    this.#pending += 1;
    let isPending = true;
    return () => {
      if (isPending) this.#pending -= 1;
      isPending = false;
    };
  }
}
