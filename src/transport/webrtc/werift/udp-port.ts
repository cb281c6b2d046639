import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { classes, isStunMessage, type Message, methods, parseMessage } from 'werift';
import { NoPortError } from '../peer-connection.ts';

/** An address and port. */
export type Endpoint = readonly [address: string, port: number];

/** The calls that use a port, by the user name fragment of their ICE session. */
export interface UdpRoute {
  readonly usernameFragment: string;
  readonly password: string;
  /** An authenticated STUN request; `nominates`: the client selects this path. */
  stunRequested(message: Message, from: Endpoint, data: Buffer): void;
  /** A STUN response, DTLS, RTP or RTCP from an address that has authenticated itself. */
  received(data: Buffer, from: Endpoint): void;
}

/** Addresses from which a call may receive; a client has one per network interface. */
const mostEndpoints = 16;

/**
 * One UDP port for all calls. A client proves by STUN that an address belongs to its call (RFC 8445 §7.3); everything
 * else that arrives is dropped before it is parsed any further.
 */
export class UdpPort {
  readonly #sockets: Partial<Record<4 | 6, Socket>>;
  readonly #localOnly: boolean;
  readonly #routes = new Map<string, UdpRoute>();
  /** In the order in which they were proven, by call. */
  readonly #endpoints = new Map<string, UdpRoute>();

  private constructor(sockets: Partial<Record<4 | 6, Socket>>, localOnly: boolean) {
    this.#sockets = sockets;
    this.#localOnly = localOnly;
    for (const socket of Object.values(sockets)) {
      socket.on('message', (data, { address, port }) => this.#receive(data, [address, port]));
      // Errors of sending to one client (unreachable, too large) concern that client only: it times out.
      socket.on('error', () => {});
    }
  }

  /**
   * Opens a port for IPv4, and for IPv6 if the system has it; 0 selects a free one. With `localOnly`, only clients on
   * this machine can connect. The port is not bound to loopback for that: browsers do not use loopback addresses.
   * @throws {NoPortError} when it is in use
   */
  static async open(port: number, { localOnly }: { localOnly: boolean }): Promise<UdpPort> {
    try {
      const v4 = await bind('udp4', port);
      const v6 = await bind('udp6', v4.address().port).catch(() => undefined);
      return new UdpPort(v6 ? { 4: v4, 6: v6 } : { 4: v4 }, localOnly);
    } catch (cause) {
      throw new NoPortError(`UDP port ${port} cannot be opened for calls`, { cause });
    }
  }

  get port(): number {
    return this.#sockets[4]?.address().port ?? 0;
  }

  add(route: UdpRoute): void {
    this.#routes.set(route.usernameFragment, route);
  }

  remove(route: UdpRoute): void {
    this.#routes.delete(route.usernameFragment);
    for (const [key, owner] of this.#endpoints) if (owner === route) this.#endpoints.delete(key);
  }

  send(data: Uint8Array, [address, port]: Endpoint): void {
    this.#sockets[address.includes(':') ? 6 : 4]?.send(data, port, address, () => {});
  }

  async close(): Promise<void> {
    this.#routes.clear();
    this.#endpoints.clear();
    await Promise.all(Object.values(this.#sockets).map((socket) => new Promise<void>((done) => socket.close(done))));
  }

  #receive(data: Buffer, from: Endpoint): void {
    // A socket refuses to send to port 0, so no answer is possible.
    if (from[1] === 0) return;
    if (isStunMessage(data)) {
      const message = parseMessage(data);
      if (message?.messageClass === classes.REQUEST) return this.#authenticate(message, data, from);
    }
    this.#endpoints.get(keyOf(from))?.received(data, from);
  }

  #authenticate(message: Message, data: Buffer, from: Endpoint): void {
    if (message.messageMethod !== methods.BINDING) return;
    const username: unknown = message.getAttributeValue('USERNAME');
    if (typeof username !== 'string') return;
    const route = this.#routes.get(username.split(':', 1)[0] ?? '');
    if (!route || !parseMessage(data, Buffer.from(route.password))) return;
    // After the password, because the addresses of the machine take a system call.
    if (this.#localOnly && !isOwnAddress(from[0])) return;
    this.#prove(from, route);
    route.stunRequested(message, from, data);
  }

  #prove(from: Endpoint, route: UdpRoute): void {
    const key = keyOf(from);
    if (this.#endpoints.get(key) === route) return;
    this.#endpoints.set(key, route);
    const owned = [...this.#endpoints].filter(([, owner]) => owner === route);
    for (const [oldest] of owned.slice(0, -mostEndpoints)) this.#endpoints.delete(oldest);
  }
}

function keyOf([address, port]: Endpoint): string {
  return `${address} ${port}`;
}

function bind(type: 'udp4' | 'udp6', port: number): Promise<Socket> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(port, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function ownInterfaces() {
  return Object.values(networkInterfaces()).flatMap((each) => each ?? []);
}

/** Whether an address, with or without a zone, belongs to this machine. */
export function isOwnAddress(address: string): boolean {
  const [withoutZone] = address.split('%', 1);
  return ownInterfaces().some((own) => own.address === withoutZone);
}

/** The addresses of this machine that clients may reach: not loopback, unless there is no other, and not link-local. */
export function hostAddresses(): string[] {
  const reachable = ownInterfaces().filter(({ address, internal }) => !internal && !address.startsWith('fe80:'));
  return reachable.length > 0 ? reachable.map(({ address }) => address) : ['127.0.0.1'];
}
