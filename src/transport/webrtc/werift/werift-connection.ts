import { randomBytes, randomUUID } from 'node:crypto';
import {
  Connection,
  MediaStream,
  type RTCDataChannel,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  type RTCRtpTransceiver,
} from 'werift';
import { completeAnswer } from '../answer.ts';
import type { CallOptions } from '../call-options.ts';
import { createFrameDecoder, createFrameEncoder } from '../frame-codec.ts';
import type { Offer } from '../offer.ts';
import {
  type CallCodec,
  type ConnectionEnd,
  type ConnectionHandlers,
  OfferError,
  type PeerConnection,
  type ReceivedPackets,
} from '../peer-connection.ts';
import type { SentPlayback } from '../sent-playback.ts';
import { CallAudio } from './call-audio.ts';
import { WeriftChannel } from './event-channel.ts';
import { isAcceptableDtls } from './packet-checks.ts';
import { guardSctp } from './sctp-guard.ts';
import { SharedProtocol } from './shared-protocol.ts';
import type { UdpPort } from './udp-port.ts';

/** Interval of the checks of a connection. */
const checkMs = 1000;
/** A client from which nothing has arrived for this time is probed at each check. */
const quietMs = 1500;
/** A later check means that this process was busy, and may not have read what has arrived. */
const lateMs = 500;
/** Channels that a client may open beside the one for events: werift retains each. */
const mostExtraChannels = 16;
/** Fragments of DTLS handshakes, all of which werift retains. An ordinary handshake has a few, repeated after losses. */
const mostFragments = 64;

export interface ConnectionOptions extends Pick<CallOptions, 'clock' | 'leadMs' | 'limits'> {
  port: UdpPort;
  /** The addresses in the answer, at least one. */
  addresses: readonly string[];
}

const codecParameters: Record<CallCodec, ConstructorParameters<typeof RTCRtpCodecParameters>[0]> = {
  opus: { mimeType: 'audio/opus', clockRate: 48_000, channels: 2 },
  pcmu: { mimeType: 'audio/PCMU', clockRate: 8000 },
  pcma: { mimeType: 'audio/PCMA', clockRate: 8000 },
};

/** A call over werift: SDP, DTLS, SRTP and SCTP are its work; ICE shares one UDP port. */
export class WeriftConnection implements PeerConnection {
  readonly codec: CallCodec;
  readonly maxMessageBytes: number | undefined;
  readonly ended: Promise<ConnectionEnd>;
  readonly #ended = Promise.withResolvers<ConnectionEnd>();
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #offer: Offer;
  readonly #peer: RTCPeerConnection;
  readonly #protocols: SharedProtocol[] = [];
  #audio: CallAudio | undefined;
  #channel: WeriftChannel | undefined;
  #answer = '';
  #extraChannels = 0;
  #connected = false;
  #closed = false;
  #arrivedAt: number;
  #cancelTimer = () => {};

  private constructor(offer: Offer, handlers: ConnectionHandlers, options: ConnectionOptions) {
    this.codec = offer.codec;
    this.maxMessageBytes = offer.maxMessageBytes;
    this.ended = this.#ended.promise;
    this.#options = options;
    this.#handlers = handlers;
    this.#offer = offer;
    this.#arrivedAt = options.clock.now();
    this.#peer = new RTCPeerConnection({
      codecs: {
        audio: [new RTCRtpCodecParameters({ ...codecParameters[offer.codec], payloadType: offer.payloadType })],
        video: [],
      },
      headerExtensions: { audio: [], video: [] },
      iceServers: [],
      iceLite: true,
      // Its own sockets are not used.
      iceUseIpv4: false,
      iceUseIpv6: false,
      iceUseTcp: false,
      maxMessageSize: options.limits.messageBytes,
    });
  }

  /** @throws {OfferError} when werift refuses the offer */
  static async accept(
    offer: Offer,
    handlers: ConnectionHandlers,
    options: ConnectionOptions,
  ): Promise<WeriftConnection> {
    const connection = new WeriftConnection(offer, handlers, options);
    try {
      await connection.#negotiate();
    } catch (error) {
      connection.#end('closed');
      if (error instanceof OfferError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new OfferError(`The SDP offer cannot be answered: ${reason}.`, { cause: error });
    }
    return connection;
  }

  get answer(): string {
    return this.#answer;
  }

  get playback(): SentPlayback {
    return this.#answered.playback;
  }

  get received(): ReceivedPackets {
    return this.#answered.received;
  }

  get #answered(): CallAudio {
    if (!this.#audio) throw new Error('The offer has not been answered');
    return this.#audio;
  }

  close(): void {
    this.#end('closed');
  }

  async #negotiate(): Promise<void> {
    const { clock, leadMs, limits } = this.#options;
    await this.#peer.setRemoteDescription({ type: 'offer', sdp: this.#offer.sdp });
    // werift reads the size in another way than `readOffer`; with a smaller one its `send` throws. 0 stands for any.
    this.#peer.sctpTransport?.setRemoteMaxMessageSize(Number.isFinite(this.maxMessageBytes) ? this.maxMessageBytes : 0);
    const transceiver = this.#peer.getTransceivers().find(({ kind }) => kind === 'audio');
    if (!transceiver) throw new OfferError('The SDP offer has no audio section (m=audio).');
    transceiver.setDirection('sendrecv');
    // A separate stream: with `a=msid:-` browsers would have none.
    transceiver.sender.setStreams([new MediaStream({ id: randomUUID() })]);
    this.#prepareTransports();
    if (this.#peer.sctpTransport) guardSctp(this.#peer.sctpTransport, limits, (reason) => this.#end(reason));
    const [encoder, decoder] = await Promise.all([createFrameEncoder(this.codec), createFrameDecoder(this.codec)]);
    this.#audio = new CallAudio({
      ...{ clock, offer: this.#offer, transceiver, encoder, decoder, leadMs },
      output: (clip) => this.#handlers.audio(clip),
      exceeded: () => this.#handlers.audioExceeded(),
    });
    this.#observe(transceiver);
    await this.#peer.setLocalDescription(await this.#peer.createAnswer());
    const { sdp = '' } = this.#peer.localDescription ?? {};
    if (/^m=audio 0 /m.test(sdp)) throw new OfferError('The audio section of the SDP offer cannot be answered.');
    this.#answer = completeAnswer(sdp, this.#offer, this.#options.addresses);
    this.#cancelTimer = clock.after(limits.connectMs, () => this.#end('unreachable'));
  }

  /** Gives each ICE session the shared port, and DTLS the role that saves a round trip of the client. */
  #prepareTransports(): void {
    const { port, addresses } = this.#options;
    for (const dtls of this.#peer.dtlsTransports) {
      if (!this.#offer.dtlsPassive) dtls.role = 'server';
      const { connection } = dtls.iceTransport;
      if (!(connection instanceof Connection)) throw new Error('werift has another ICE implementation');
      // werift's user names are too short to distinguish calls.
      connection.localUsername = randomBytes(8).toString('hex');
      connection.localPassword = randomBytes(16).toString('hex');
      const protocol = new SharedProtocol({
        ...{ port, host: addresses[0] ?? '127.0.0.1', ice: connection },
        arrived: () => {
          this.#arrivedAt = this.#options.clock.now();
        },
        accepts: (data) => this.#accepts(data),
      });
      this.#protocols.push(protocol);
      // werift has no public way to add a transport.
      // biome-ignore lint/complexity/useLiteralKeys: only this notation reaches a private member
      connection['ensureProtocol'](protocol);
      // biome-ignore lint/complexity/useLiteralKeys: as above
      connection['protocols'].push(protocol);
    }
  }

  /** Whether the client has sent more fragments of DTLS handshakes than one consists of. */
  get #exceedsFragments(): boolean {
    for (const { dtls } of this.#peer.dtlsTransports) {
      // biome-ignore lint/complexity/useLiteralKeys: only this notation reaches a private member
      if (dtls && dtls['bufferFragmentedHandshakes'].length > mostFragments) return true;
    }
    return false;
  }

  #observe(transceiver: RTCRtpTransceiver): void {
    this.#peer.onDataChannel.subscribe((channel) => this.#channelOpened(channel));
    this.#peer.connectionStateChange.subscribe((state) => {
      if (state === 'connected') this.#connect();
      if (state === 'failed') this.#end(this.#connected ? 'vanished' : 'unreachable');
    });
    transceiver.dtlsTransport.onStateChange.subscribe((state) => {
      if (state === 'closed') this.#end('left');
    });
  }

  #connect(): void {
    if (this.#connected || this.#closed) return;
    this.#connected = true;
    this.#audio?.start();
    this.#arrivedAt = this.#options.clock.now();
    this.#checkLater();
    this.#handlers.connected();
  }

  /** The first channel carries events. A client has no use for another one. */
  #channelOpened(channel: RTCDataChannel): void {
    if (this.#channel) {
      this.#extraChannels += 1;
      if (this.#extraChannels > mostExtraChannels) this.#end('flooded');
      return channel.close();
    }
    this.#channel = new WeriftChannel({
      ...{ channel, handlers: this.#handlers, maxMessageBytes: this.maxMessageBytes ?? 0 },
      pendingLimit: this.#options.limits.pendingBytes,
      flooded: () => this.#end('flooded'),
    });
    const opened = this.#channel;
    channel.stateChanged.subscribe((state) => {
      if (state === 'closed') this.#end('left');
    });
    const announce = () => this.#handlers.channelOpened(opened);
    if (opened.isOpen) announce();
    else channel.stateChanged.watch((state) => state === 'open').then(announce, () => {});
  }

  /** Whether a packet may be processed; DTLS has types from 20 to 63 (RFC 7983). */
  #accepts(data: Buffer): boolean {
    const isDtls = data.length > 0 && data.readUInt8(0) >= 20 && data.readUInt8(0) < 64;
    if (!isDtls) return true;
    if (this.#exceedsFragments) this.#end('flooded');
    return isAcceptableDtls(data, this.#connected);
  }

  #checkLater(): void {
    const { clock } = this.#options;
    const dueAt = clock.now() + checkMs;
    this.#cancelTimer();
    this.#cancelTimer = clock.after(checkMs, () => this.#check(clock.now() - dueAt));
  }

  #check(lateByMs: number): void {
    const { clock, limits } = this.#options;
    if (lateByMs > lateMs) this.#arrivedAt += lateByMs;
    const silentMs = clock.now() - this.#arrivedAt;
    if (silentMs + checkMs > limits.silenceMs) return this.#end('vanished');
    for (const protocol of this.#protocols) {
      protocol.repeatRequest();
      if (silentMs > quietMs) protocol.probe();
    }
    this.#checkLater();
  }

  #end(reason: ConnectionEnd): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer();
    this.#channel?.close();
    void this.#peer
      .close()
      .catch(() => {})
      .then(async () => {
        // Never inside a callback of the audio, whose caller still uses the codecs.
        this.#audio?.close();
        for (const protocol of this.#protocols) await protocol.close();
        this.#ended.resolve(reason);
      });
  }
}
