/** A well-behaved client on the server under attack, whose waits show the effect of the attack on others. */

import { RawConnection } from '../harness/raw-connection.ts';
import { encodeFrame, opcodes } from '../harness/websocket-frames.ts';
import { bytesOf, upgradeRequest } from './requests.ts';

const everyMs = 50;
/** Only an event loop that hangs takes longer. */
const hungMs = 15_000;

export class Canary {
  /** The longest wait for a pong, in milliseconds. The fuzzer's own delays are in it. */
  longestMs = 0;
  /** Resolves when a pong does not come, or the connection ends. */
  readonly hung: Promise<string>;
  readonly #connection: RawConnection;
  readonly #timer: NodeJS.Timeout;
  #sentAt: number | undefined;

  constructor(port: number) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.hung = promise;
    this.#connection = new RawConnection({ port, onPong: () => this.#answered() });
    this.#connection.write(bytesOf(upgradeRequest({ query: '?model=canary' })));
    void this.#connection.closed.then(({ code }) =>
      resolve(`the connection of a bystander ended (${code ?? 'no close frame'})`),
    );
    this.#timer = setInterval(() => {
      if (this.#sentAt === undefined) this.#ping();
      else if (performance.now() - this.#sentAt > hungMs)
        resolve(`a bystander was not answered for ${hungMs / 1000} s`);
    }, everyMs);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#connection.socket.destroy();
  }

  #ping(): void {
    this.#sentAt = performance.now();
    this.#connection.write(encodeFrame({ opcode: opcodes.ping, payload: 'are you there' }));
  }

  #answered(): void {
    if (this.#sentAt === undefined) return;
    this.longestMs = Math.max(this.longestMs, performance.now() - this.#sentAt);
    this.#sentAt = undefined;
  }
}
