import type { CallOptions } from './call-options.ts';
import type { PeerConnections } from './peer-connection.ts';

/** Accepts calls. The WebRTC library is loaded for the first one. */
export function openConnections(options: CallOptions): PeerConnections {
  let loaded: Promise<PeerConnections> | undefined;
  const load = async () => {
    const { WeriftConnections } = await import('./werift/werift-connections.ts');
    return new WeriftConnections(options);
  };
  return {
    async accept(offer, handlers, signal) {
      loaded ??= load().catch((error: unknown) => {
        // The next call tries again.
        loaded = undefined;
        throw error;
      });
      return (await loaded).accept(offer, handlers, signal);
    },
    async close() {
      await (await loaded)?.close();
    },
  };
}
