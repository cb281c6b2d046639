import { defaultRealtimeConfig, errorEvent, randomId } from '../../src/protocol/index.ts';
import type { Peer } from '../../src/session/ports/peer.ts';
import type { Session } from '../../src/session/session.ts';

/** A session whose handling of events the test supplies. */
export function stubSession(receive: Session['receive'], id = 'sess_1'): Session {
  const peers: Peer[] = [];
  return {
    id,
    ended: new Promise(() => {}),
    describe: () => ({ id, type: 'realtime', model: 'gpt-realtime', expiresAt: 0, peers: peers.length }),
    attach(peer) {
      peers.push(peer);
      const session = defaultRealtimeConfig({ id, model: 'gpt-realtime', expiresAt: 0 });
      peer.send({ type: 'session.created', event_id: randomId('event'), session });
    },
    detach() {},
    receive,
    watch: () => () => {},
    write() {},
    refuse: (error, clientEventId, to) => to.send({ event_id: randomId('event'), ...errorEvent(error, clientEventId) }),
    drain: async () => {},
    close(reason) {
      for (const peer of peers) peer.close(reason);
    },
  };
}
