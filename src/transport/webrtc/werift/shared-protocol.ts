import { randomBytes } from 'node:crypto';
import {
  type Address,
  Candidate,
  candidateFoundation,
  candidatePriority,
  classes,
  Event,
  Message,
  methods,
  type Protocol,
} from 'werift';
import type { Endpoint, UdpPort, UdpRoute } from './udp-port.ts';

/** The credentials of an ICE session, as its connection has them. */
interface IceCredentials {
  readonly localUsername: string;
  readonly localPassword: string;
  readonly remoteUsername: string;
  readonly remotePassword: string;
}

/**
 * The transport of one ICE session of werift over a port that all calls share. It answers from the address that the
 * client nominated last, so a call survives a change of the client's network.
 */
export class SharedProtocol implements Protocol, UdpRoute {
  readonly type = 'stun';
  readonly onRequestReceived = new Event<[Message, Address, Buffer]>();
  readonly onDataReceived = new Event<[Buffer]>();
  readonly localCandidate: Candidate;
  readonly #port: UdpPort;
  readonly #ice: IceCredentials;
  readonly #tieBreaker = randomBytes(8).readBigUInt64BE();
  readonly #arrived: () => void;
  readonly #accepts: (data: Buffer) => boolean;
  #selected: Endpoint | undefined;
  #nominated = false;

  /** `arrived` is called for everything that the client sends; data that `accepts` refuses is dropped. */
  constructor(options: {
    port: UdpPort;
    host: string;
    ice: IceCredentials;
    arrived: () => void;
    accepts: (data: Buffer) => boolean;
  }) {
    const { host, port } = options;
    this.#port = port;
    this.#ice = options.ice;
    this.#arrived = options.arrived;
    this.#accepts = options.accepts;
    this.localCandidate = new Candidate(
      ...([candidateFoundation('host', 'udp', host), 1, 'udp', candidatePriority('host')] as const),
      ...([host, port.port, 'host'] as const),
    );
    port.add(this);
  }

  get usernameFragment(): string {
    return this.#ice.localUsername;
  }

  get password(): string {
    return this.#ice.localPassword;
  }

  /**
   * Answers a check of the client (RFC 8445 §7.3.1). werift gets the first nomination, which completes ICE, and
   * conflicts of roles, which it refuses: it keeps state for each address and transaction of all others.
   */
  stunRequested(message: Message, from: Endpoint, data: Buffer): void {
    this.#arrived();
    const conflicts = message.attributesKeys.includes('ICE-CONTROLLED');
    const nominates = !conflicts && message.attributesKeys.includes('USE-CANDIDATE');
    if (nominates) this.#selected = from;
    if (conflicts || (nominates && !this.#nominated)) {
      this.#nominated ||= nominates;
      return this.onRequestReceived.execute(message, [...from], data);
    }
    const response = new Message(methods.BINDING, classes.RESPONSE, message.transactionId)
      .setAttribute('XOR-MAPPED-ADDRESS', from)
      .addMessageIntegrity(Buffer.from(this.password))
      .addFingerprint();
    this.#port.send(response.bytes, from);
  }

  received(data: Buffer): void {
    this.#arrived();
    if (this.#accepts(data)) this.onDataReceived.execute(data);
  }

  /** Makes the client send something: every ICE agent answers a STUN request (RFC 8445 §7.3). */
  probe(): void {
    if (!this.#selected) return;
    const request = new Message(methods.BINDING, classes.REQUEST)
      .setAttribute('USERNAME', `${this.#ice.remoteUsername}:${this.#ice.localUsername}`)
      .setAttribute('PRIORITY', candidatePriority('prflx'))
      .setAttribute('ICE-CONTROLLED', this.#tieBreaker)
      .addMessageIntegrity(Buffer.from(this.#ice.remotePassword))
      .addFingerprint();
    this.#port.send(request.bytes, this.#selected);
  }

  async sendStun(message: Message, to: Address): Promise<void> {
    this.#port.send(message.bytes, to);
  }

  async sendData(data: Buffer, to: Address): Promise<void> {
    this.#port.send(data, this.#selected ?? to);
  }

  /** An agent that is ICE lite sends no checks. */
  request(): Promise<[Message, Address]> {
    return Promise.reject(new Error('ICE lite'));
  }

  async connectionMade(): Promise<void> {}

  async close(): Promise<void> {
    this.#port.remove(this);
    this.onRequestReceived.complete();
    this.onDataReceived.complete();
  }
}
