import { randomBytes } from 'node:crypto';
import {
  type Address,
  Candidate,
  candidateFoundation,
  candidatePriority,
  classes,
  Event,
  isStunMessage,
  Message,
  methods,
  type Protocol,
  parseMessage,
} from 'werift';
import type { Endpoint, UdpPort, UdpRoute } from './udp-port.ts';

/** Repetitions of the request to a nominated address, in case the network loses it. */
const mostRepetitions = 6;

/** The credentials of an ICE session, as its connection has them. */
interface IceCredentials {
  readonly localUsername: string;
  readonly localPassword: string;
  readonly remoteUsername: string;
  readonly remotePassword: string;
}

/** An address that the client has nominated, and the request that it has not answered yet. */
interface Nominee {
  readonly endpoint: Endpoint;
  readonly request: Message;
  repetitions: number;
}

/**
 * The transport of one ICE session of werift over a port that all calls share. It sends to the address that the client
 * nominated last, so a call survives a change of the client's network. The first one proves itself by the handshake of
 * DTLS, before which there is no media; later ones by the answer to a request, because their source may be forged.
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
  #nominee: Nominee | undefined;
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
    if (nominates) this.#nominate(from);
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

  received(data: Buffer, from: Endpoint): void {
    this.#arrived();
    if (this.#nominee && isStunMessage(data)) return this.#answered(this.#nominee, data, from);
    if (this.#accepts(data)) this.onDataReceived.execute(data);
  }

  /** Makes the client send something: every ICE agent answers a STUN request (RFC 8445 §7.3). */
  probe(): void {
    if (this.#selected) this.#port.send(this.#newRequest().bytes, this.#selected);
  }

  /** Repeats the request to an address that was nominated and has not answered, a few times. */
  repeatRequest(): void {
    const nominee = this.#nominee;
    if (!nominee || nominee.repetitions >= mostRepetitions) return;
    nominee.repetitions += 1;
    this.#port.send(nominee.request.bytes, nominee.endpoint);
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

  #nominate(endpoint: Endpoint): void {
    this.#selected ??= endpoint;
    if (isSame(endpoint, this.#selected)) {
      this.#nominee = undefined;
      return;
    }
    if (!this.#nominee || !isSame(endpoint, this.#nominee.endpoint)) {
      this.#nominee = { endpoint, request: this.#newRequest(), repetitions: 0 };
    }
    this.#port.send(this.#nominee.request.bytes, endpoint);
  }

  /** Selects the nominated address if a response proves that the client receives there (RFC 8445 §7.2.5.2.1). */
  #answered({ endpoint, request }: Nominee, data: Buffer, from: Endpoint): void {
    if (!isSame(endpoint, from)) return;
    const message = parseMessage(data, Buffer.from(this.#ice.remotePassword));
    if (message?.messageClass !== classes.RESPONSE || message.transactionIdHex !== request.transactionIdHex) return;
    this.#selected = endpoint;
    this.#nominee = undefined;
  }

  #newRequest(): Message {
    return new Message(methods.BINDING, classes.REQUEST)
      .setAttribute('USERNAME', `${this.#ice.remoteUsername}:${this.#ice.localUsername}`)
      .setAttribute('PRIORITY', candidatePriority('prflx'))
      .setAttribute('ICE-CONTROLLED', this.#tieBreaker)
      .addMessageIntegrity(Buffer.from(this.#ice.remotePassword))
      .addFingerprint();
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a[0] === b[0] && a[1] === b[1];
}
