/** A network that loses and delays packets. */

import { createSocket, type Socket } from 'node:dgram';

/** The delay of each packet in milliseconds, or undefined if it is lost. */
export type Network = (packet: { index: number; toServer: boolean }) => number | undefined;

/** A UDP proxy in front of the server's port. */
export class UdpProxy {
  network: Network = () => 0;
  readonly #inside = createSocket('udp4');
  readonly #outside = createSocket('udp4');
  #client: { address: string; port: number } | undefined;
  #count = 0;

  async open(serverPort: number): Promise<number> {
    await Promise.all([bind(this.#inside), bind(this.#outside)]);
    this.#outside.on('message', (data, from) => {
      this.#client = from;
      this.#pass(true, () => this.#inside.send(data, serverPort, '127.0.0.1'));
    });
    this.#inside.on('message', (data) => {
      const { address, port } = this.#client ?? {};
      this.#pass(false, () => this.#outside.send(data, port, address));
    });
    return this.#outside.address().port;
  }

  close(): void {
    this.#inside.close();
    this.#outside.close();
  }

  #pass(toServer: boolean, send: () => void): void {
    const delayMs = this.network({ index: this.#count++, toServer });
    if (delayMs === 0) send();
    else if (delayMs !== undefined) {
      setTimeout(() => {
        try {
          send();
        } catch {
          // The proxy has been closed.
        }
      }, delayMs);
    }
  }
}

function bind(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
}
