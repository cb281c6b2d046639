import type { TestContext } from 'node:test';
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import { UdpProxy } from '../../dev/harness/udp-proxy.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { OutputAudio } from '../../src/session/ports/playback.ts';
import type { CallLimits } from '../../src/transport/webrtc/call-options.ts';
import { openConnections } from '../../src/transport/webrtc/open-connections.ts';
import {
  type CallCodec,
  type ConnectionHandlers,
  callCodecs,
  type EventChannel,
  type PeerConnection,
  type PeerConnections,
} from '../../src/transport/webrtc/peer-connection.ts';

const codecs: Record<CallCodec, ConstructorParameters<typeof RTCRtpCodecParameters>[0]> = {
  opus: { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, payloadType: 111 },
  pcmu: { mimeType: 'audio/PCMU', clockRate: 8000, payloadType: 0 },
  pcma: { mimeType: 'audio/PCMA', clockRate: 8000, payloadType: 8 },
};

/** Connections on this machine, closed after the test. */
export function newConnections(t: TestContext, limits: Partial<CallLimits> = {}): PeerConnections {
  const connections = openConnections({
    ...{ clock: systemClock, port: 0, addresses: ['127.0.0.1'], localOnly: true, codecs: callCodecs, leadMs: 1000 },
    limits: {
      ...{ bytes: 65_536, mediaSections: 16, candidates: 100, connectMs: 15_000, silenceMs: 5000 },
      ...{ messageBytes: 1024 ** 2, pendingBytes: 4 * 1024 ** 2, ...limits },
    },
  });
  t.after(() => connections.close());
  return connections;
}

/** Both ends of a call: a client of werift, and the server's connection with what arrived on it. */
export class MediaCaller {
  readonly peer: RTCPeerConnection;
  readonly proxy: UdpProxy;
  readonly server: PeerConnection;
  readonly received: Int16Array[];
  readonly messages: unknown[];
  /** Packets that the client got. */
  readonly packets: RtpPacket[] = [];
  readonly channelOpened: Promise<EventChannel>;
  readonly #track: MediaStreamTrack;
  readonly #payloadType: number;
  #sequenceNumber = 65_500;

  private constructor(parts: {
    peer: RTCPeerConnection;
    proxy: UdpProxy;
    server: PeerConnection;
    track: MediaStreamTrack;
    payloadType: number;
    received: Int16Array[];
    messages: unknown[];
    channelOpened: Promise<EventChannel>;
  }) {
    this.peer = parts.peer;
    this.proxy = parts.proxy;
    this.server = parts.server;
    this.received = parts.received;
    this.messages = parts.messages;
    this.channelOpened = parts.channelOpened;
    this.#track = parts.track;
    this.#payloadType = parts.payloadType;
    this.peer.onTrack.subscribe((track) => track.onReceiveRtp.subscribe((packet) => this.packets.push(packet)));
  }

  /** Resolves when both ends are connected. */
  static async call(
    connections: PeerConnections,
    options: { codec?: CallCodec; handlers?: Partial<ConnectionHandlers>; rewrite?: (offer: string) => string } = {},
  ): Promise<MediaCaller> {
    const { codec = 'opus', handlers = {}, rewrite = (offer) => offer } = options;
    const audio = new RTCRtpCodecParameters(codecs[codec]);
    const peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle', codecs: { audio: [audio] } });
    const track = new MediaStreamTrack({ kind: 'audio' });
    peer.addTransceiver(track, { direction: 'sendrecv' });
    peer.createDataChannel('oai-events');
    await peer.setLocalDescription(await peer.createOffer());
    const received: Int16Array[] = [];
    const messages: unknown[] = [];
    const connected = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<EventChannel>();
    const server = await connections.accept(
      rewrite(peer.localDescription?.sdp ?? ''),
      {
        connected: () => connected.resolve(),
        channelOpened: (channel) => opened.resolve(channel),
        message: (data) => void messages.push(data),
        drained: () => {},
        audioExceeded: () => {},
        audio: ({ samples }) => void received.push(samples),
        ...handlers,
      },
      new AbortController().signal,
    );
    const proxy = new UdpProxy();
    const [, port = ''] = /127\.0\.0\.1 (\d+) typ host/.exec(server.answer) ?? [];
    const proxyPort = await proxy.open(Number(port));
    const { payloadType } = audio;
    const caller = new MediaCaller({
      ...{ peer, proxy, server, track, payloadType, received, messages },
      channelOpened: opened.promise,
    });
    const sdp = server.answer.replaceAll(`127.0.0.1 ${port} typ`, `127.0.0.1 ${proxyPort} typ`);
    await peer.setRemoteDescription({ type: 'answer', sdp });
    await connected.promise;
    return caller;
  }

  /** Sends one packet; `timestamp` on the clock of RTP. */
  sendRtp(payload: Uint8Array, timestamp: number): void {
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    const { peer } = this;
    const header = new RtpHeader({
      ...{ version: 2, payloadType: this.#payloadType, sequenceNumber: this.#sequenceNumber, timestamp },
    });
    void peer.getSenders()[0]?.sendRtp(new RtpPacket(header, Buffer.from(payload)));
  }

  play(samples: Int16Array, part: Partial<OutputAudio> = {}): void {
    this.server.playback.play({
      ...{ responseId: 'resp_1', itemId: 'item_1', outputIndex: 0, contentIndex: 0, samples, sampleRateHz: 24_000 },
      ...{ format: { type: 'audio/pcm', rate: 24_000 }, ...part },
    });
  }

  async leave(): Promise<void> {
    this.#track.stop();
    await this.peer.close();
    await this.server.ended;
    this.proxy.close();
  }
}
