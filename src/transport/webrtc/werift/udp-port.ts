import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { classes, isStunMessage, type Message, methods, parseMessage } from 'werift';
import type { Clock } from '../../../core/clock.ts';
import { TokenBucket } from '../../../core/token-bucket.ts';
import { NoPortError } from '../peer-connection.ts';
import { longestPacket } from './packet-checks.ts';

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

/**
 * Packets of a call that are processed: 50 a second are audio, and the largest message takes about 1,000. Others are
 * dropped, as by a congested network.
 */
const packetRate = { perSecond: 2000, burst: 4000 };
/** Addresses from which a call may receive; a client has one per network interface. */
const mostEndpoints = 16;

export interface UdpPortOptions {
  clock: Clock;
  /** Only clients on this machine can connect. */
  localOnly: boolean;
  /** An address from which a call has received nothing for this time may be proven for another one. */
  silenceMs: number;
}

/** A call, and the addresses that are proven for it, oldest first. */
interface Registration {
  readonly route: UdpRoute;
  readonly endpoints: Set<string>;
  readonly rate: TokenBucket;
}

/**
 * One UDP port for all calls. A client proves by STUN that an address belongs to its call (RFC 8445 §7.3); everything
 * else that arrives is dropped before it is parsed any further.
 */
export class UdpPort {
  readonly #sockets: Partial<Record<4 | 6, Socket>>;
  readonly #options: UdpPortOptions;
  readonly #registrations = new Map<string, Registration>();
  readonly #endpoints = new Map<string, { registration: Registration; seenAt: number }>();

  private constructor(sockets: Partial<Record<4 | 6, Socket>>, options: UdpPortOptions) {
    this.#sockets = sockets;
    this.#options = options;
    for (const socket of Object.values(sockets)) {
      socket.on('message', (data, { address, port }) => this.#receive(data, [address, port]));
      // Errors of sending to one client (unreachable, too large) concern that client only: it times out.
      socket.on('error', () => {});
    }
  }

  /**
   * Opens a port for IPv4, and for IPv6 if the system has it; 0 selects a free one. It is not bound to loopback for
   * `localOnly`: browsers do not use loopback addresses.
   * @throws {NoPortError} when it is in use
   */
  static async open(port: number, options: UdpPortOptions): Promise<UdpPort> {
    try {
      const v4 = await bind('udp4', port);
      const v6 = await bind('udp6', v4.address().port).catch(() => undefined);
      return new UdpPort(v6 ? { 4: v4, 6: v6 } : { 4: v4 }, options);
    } catch (cause) {
      throw new NoPortError(`UDP port ${port} cannot be opened for calls`, { cause });
    }
  }

  get port(): number {
    return this.#sockets[4]?.address().port ?? 0;
  }

  add(route: UdpRoute): void {
    this.#registrations.set(route.usernameFragment, { route, endpoints: new Set(), rate: new TokenBucket(packetRate) });
  }

  remove(route: UdpRoute): void {
    const registration = this.#registrations.get(route.usernameFragment);
    this.#registrations.delete(route.usernameFragment);
    for (const key of registration?.endpoints ?? []) this.#endpoints.delete(key);
  }

  send(data: Uint8Array, [address, port]: Endpoint): void {
    this.#sockets[address.includes(':') ? 6 : 4]?.send(data, port, address, () => {});
  }

  async close(): Promise<void> {
    this.#registrations.clear();
    this.#endpoints.clear();
    await Promise.all(Object.values(this.#sockets).map((socket) => new Promise<void>((done) => socket.close(done))));
  }

  #receive(data: Buffer, from: Endpoint): void {
    // A socket refuses to send to port 0, so no answer is possible.
    if (from[1] === 0 || data.length > longestPacket) return;
    if (isStunMessage(data)) {
      const message = parseMessage(data);
      if (message?.messageClass === classes.REQUEST) return this.#authenticate(message, data, from);
    }
    const endpoint = this.#endpoints.get(keyOf(from));
    if (!endpoint || this.#exceedsRate(endpoint.registration)) return;
    endpoint.seenAt = this.#options.clock.now();
    endpoint.registration.route.received(data, from);
  }

  #authenticate(message: Message, data: Buffer, from: Endpoint): void {
    if (message.messageMethod !== methods.BINDING) return;
    const username: unknown = message.getAttributeValue('USERNAME');
    if (typeof username !== 'string') return;
    const registration = this.#registrations.get(username.split(':', 1)[0] ?? '');
    if (!registration || this.#exceedsRate(registration)) return;
    if (!parseMessage(data, Buffer.from(registration.route.password))) return;
    // After the password, because the addresses of the machine take a system call.
    if (this.#options.localOnly && !isOwnAddress(from[0])) return;
    if (this.#prove(keyOf(from), registration)) registration.route.stunRequested(message, from, data);
  }

  /** Whether a packet is too much; counts it otherwise. */
  #exceedsRate({ rate }: Registration): boolean {
    const now = this.#options.clock.now();
    if (rate.nextMs(now) > 0) return true;
    rate.take(now);
    return false;
  }

  /**
   * Registers an address for a call. False if it is in use by another call: the source address of a packet can be
   * forged, so a password of one call must not take the packets of another one.
   */
  #prove(key: string, registration: Registration): boolean {
    const seenAt = this.#options.clock.now();
    const known = this.#endpoints.get(key);
    if (known && known.registration !== registration) {
      if (seenAt - known.seenAt < this.#options.silenceMs) return false;
      known.registration.endpoints.delete(key);
    }
    this.#endpoints.set(key, { registration, seenAt });
    const { endpoints } = registration;
    endpoints.add(key);
    const [oldest] = endpoints;
    if (oldest !== undefined && endpoints.size > mostEndpoints) {
      endpoints.delete(oldest);
      this.#endpoints.delete(oldest);
    }
    return true;
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
