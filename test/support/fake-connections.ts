import assert from 'node:assert/strict';
import type { ServerEvent, ServerEventOf, ServerEventType } from '../../src/protocol/index.ts';
import type {
  CallCodec,
  ConnectionEnd,
  ConnectionHandlers,
  EventChannel,
  PeerConnection,
  PeerConnections,
} from '../../src/transport/webrtc/peer-connection.ts';
import { Loudspeaker } from './audio-peer.ts';
import { frameCheck, type WireDialect } from './frame-check.ts';

/** An offer in the form that the fake connections read. */
export function offerWith({ maxMessageSize = 262_144, channel = true } = {}): string {
  const application = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', `a=max-message-size:${maxMessageSize}`];
  const audio = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=rtpmap:111 opus/48000/2'];
  return ['v=0', 's=-', 't=0 0', ...audio, ...(channel ? application : []), ''].join('\r\n');
}

/** The connection of a WebRTC client without a network: the test decides when it connects and what it receives. */
export class FakeConnection implements PeerConnection {
  readonly answer = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n';
  readonly codec: CallCodec = 'opus';
  readonly playback = new Loudspeaker();
  readonly received = { received: 100, lost: 5, recovered: 3, concealed: 2, late: 1, dropped: 0 };
  readonly offer: string;
  readonly handlers: ConnectionHandlers;
  readonly ended: Promise<ConnectionEnd>;
  readonly maxMessageBytes: number | undefined;
  /** Texts received on the data channel. */
  readonly texts: string[] = [];
  /** The number of bytes that count as not sent. */
  bufferedBytes = 0;
  /** The error with which the data channel refuses to send. */
  failure: Error | undefined;
  isOpen = false;
  isClosed = false;
  readonly #ended = Promise.withResolvers<ConnectionEnd>();
  readonly #check: (frame: string) => void;
  #read = 0;
  #wake: () => void = () => {};

  constructor(
    offer: string,
    handlers: ConnectionHandlers,
    { speaks, extensions }: Pick<FakeConnections, 'speaks' | 'extensions'>,
  ) {
    this.offer = offer;
    const size = /^a=max-message-size:(\d+)/m.exec(offer)?.[1];
    this.maxMessageBytes = size === undefined ? undefined : Number(size);
    this.handlers = handlers;
    this.ended = this.#ended.promise;
    this.#check = frameCheck(speaks, extensions);
  }

  #receive(text: string): void {
    if (this.failure) throw this.failure;
    assert.ok(this.isOpen, 'nothing is sent before the data channel is open');
    assert.ok(Buffer.byteLength(text) <= (this.maxMessageBytes ?? 0), 'a message is too large for the client');
    this.#check(text);
    this.texts.push(text);
    this.#wake();
  }

  close(): void {
    this.isClosed = true;
    this.end('closed');
  }

  end(how: ConnectionEnd): void {
    this.#ended.resolve(how);
    this.#wake();
  }

  /** The client connects, and opens its data channel. */
  open(): this {
    this.isOpen = true;
    this.handlers.connected();
    this.handlers.channelOpened(this.#channel());
    return this;
  }

  #channel(): EventChannel {
    const bufferedBytes = () => this.bufferedBytes;
    return {
      isOpen: true,
      maxMessageBytes: this.maxMessageBytes ?? 0,
      get bufferedBytes() {
        return bufferedBytes();
      },
      get isDelivered() {
        return bufferedBytes() === 0;
      },
      send: (text) => this.#receive(text),
    };
  }

  say(event: object): void | Promise<void> {
    return this.handlers.message(JSON.stringify(event));
  }

  /** The next event of a type; earlier ones are dropped. */
  async until<T extends ServerEventType>(type: T): Promise<ServerEventOf<T>> {
    for (;;) {
      const text = this.texts[this.#read];
      if (text === undefined) {
        assert.ok(!this.isClosed, `the connection ended before '${type}'`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#read += 1;
      const event = JSON.parse(text) as ServerEvent;
      if (isOfType(event, type)) return event;
    }
  }

  get types(): string[] {
    return this.texts.map((text) => (JSON.parse(text) as ServerEvent).type);
  }
}

function isOfType<T extends ServerEventType>(event: ServerEvent, type: T): event is ServerEventOf<T> {
  return event.type === type;
}

export class FakeConnections implements PeerConnections {
  readonly accepted: FakeConnection[] = [];
  /** The error with which the next offers are refused. */
  failure: Error | undefined;
  speaks: WireDialect = 'ga';
  /** Those that its clients request. */
  extensions: readonly string[] = [];
  isClosed = false;

  async accept(offer: string, handlers: ConnectionHandlers, _signal: AbortSignal): Promise<PeerConnection> {
    if (this.failure) throw this.failure;
    const connection = new FakeConnection(offer, handlers, this);
    this.accepted.push(connection);
    return connection;
  }

  get last(): FakeConnection {
    const last = this.accepted.at(-1);
    assert.ok(last, 'a call was opened');
    return last;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}
