import type { CallOptions } from '../call-options.ts';
import { type Offer, readOffer } from '../offer.ts';
import type { ConnectionHandlers, PeerConnection, PeerConnections } from '../peer-connection.ts';
import { hostAddresses, UdpPort } from './udp-port.ts';
import { WeriftConnection } from './werift-connection.ts';

/** Calls over werift, which share one UDP port. The port is opened for the first call. */
export class WeriftConnections implements PeerConnections {
  readonly #options: CallOptions;
  readonly #open = new Set<WeriftConnection>();
  #port: Promise<UdpPort> | undefined;
  #closed = false;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  async accept(sdp: string, handlers: ConnectionHandlers, signal: AbortSignal): Promise<PeerConnection> {
    signal.throwIfAborted();
    const { codecs, limits } = this.#options;
    const offer = readOffer(sdp, codecs, limits);
    const connection = await this.#connect(offer, handlers);
    if (signal.aborted || this.#closed) {
      connection.close();
      await connection.ended;
      throw signal.reason ?? new Error('The server is stopping');
    }
    const abort = () => connection.close();
    signal.addEventListener('abort', abort, { once: true });
    void connection.ended.then(() => {
      signal.removeEventListener('abort', abort);
      this.#open.delete(connection);
    });
    return connection;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#open];
    for (const connection of open) connection.close();
    await Promise.all(open.map(({ ended }) => ended));
    await (await this.#port)?.close();
    this.#port = undefined;
  }

  async #connect(offer: Offer, handlers: ConnectionHandlers): Promise<WeriftConnection> {
    const { clock, leadMs, limits, addresses } = this.#options;
    const port = await this.#openPort();
    const connection = await WeriftConnection.accept(offer, handlers, {
      ...{ clock, port, leadMs, limits },
      addresses: addresses.length > 0 ? addresses : hostAddresses(),
    });
    this.#open.add(connection);
    return connection;
  }

  /** Tries again at the next call if the port was in use. */
  #openPort(): Promise<UdpPort> {
    const { clock, port, localOnly, limits } = this.#options;
    this.#port ??= UdpPort.open(port, { clock, localOnly, silenceMs: limits.silenceMs }).catch((error: unknown) => {
      this.#port = undefined;
      throw error;
    });
    return this.#port;
  }
}
