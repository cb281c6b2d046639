/** A WebRTC client of a benchmark: sends prepared packets of Opus, and measures what comes back. */

import {
  MediaStreamTrack,
  type RTCDataChannel,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
} from 'werift';
import { createFrameEncoder, frameMs } from '../../src/transport/webrtc/frame-codec.ts';

export const opus = { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, payloadType: 111 };
export const samplesPerFrame = 480;
const clockPerFrame = 960;

/** Encodes 24 kHz samples as the packets of a call; the last frame is padded with silence. */
export async function packetsOf(samples: Int16Array): Promise<Buffer[]> {
  const encoder = await createFrameEncoder('opus');
  const packets: Buffer[] = [];
  for (let at = 0; at < samples.length; at += samplesPerFrame) {
    const frame = new Int16Array(samplesPerFrame);
    frame.set(samples.subarray(at, at + samplesPerFrame));
    packets.push(Buffer.from(encoder.encode(frame)));
  }
  encoder.free();
  return packets;
}

export class RtcCaller {
  readonly #peer: RTCPeerConnection;
  readonly #channel: RTCDataChannel;
  #sequenceNumber = 0;
  #frames = 0;
  #startedAt = 0;
  #repeated: readonly Buffer[] = [];
  #speech: readonly Buffer[] = [];
  #onSpoken: (() => void) | undefined;

  private constructor(peer: RTCPeerConnection, channel: RTCDataChannel) {
    this.#peer = peer;
    this.#channel = channel;
  }

  /**
   * Opens a call; resolves with the first message of the server, and the milliseconds from the sending of the offer.
   * `exchange` answers the offer.
   */
  static async open(exchange: (offer: string) => Promise<string>): Promise<{ caller: RtcCaller; ms: number }> {
    const peer = new RTCPeerConnection({
      ...{ iceServers: [], bundlePolicy: 'max-bundle' },
      codecs: { audio: [new RTCRtpCodecParameters(opus)], video: [] },
    });
    peer.addTransceiver(new MediaStreamTrack({ kind: 'audio' }), { direction: 'sendrecv' });
    const channel = peer.createDataChannel('oai-events');
    const first = new Promise<void>((resolve) => channel.onMessage.once(() => resolve()));
    await peer.setLocalDescription(await peer.createOffer());
    const sentAt = performance.now();
    await peer.setRemoteDescription({ type: 'answer', sdp: await exchange(peer.localDescription?.sdp ?? '') });
    await first;
    return { caller: new RtcCaller(peer, channel), ms: performance.now() - sentAt };
  }

  /** Repeats these packets, the first one at `nowMs`. */
  begin(packets: readonly Buffer[], nowMs: number): void {
    this.#repeated = packets;
    this.#startedAt = nowMs - this.#frames * frameMs;
  }

  /** Sends these packets instead, once; resolves when the last one has been sent. */
  speak(packets: readonly Buffer[]): Promise<void> {
    this.#speech = packets;
    return new Promise((resolve) => {
      this.#onSpoken = resolve;
    });
  }

  /** Sends the packets that are due. */
  tick(nowMs: number): void {
    for (; this.#startedAt + this.#frames * frameMs <= nowMs; this.#frames += 1) {
      const [spoken, ...rest] = this.#speech;
      this.#speech = rest;
      const payload = spoken ?? this.#repeated[this.#frames % this.#repeated.length];
      if (payload !== undefined) this.#send(payload);
      if (spoken !== undefined && rest.length === 0) this.#onSpoken?.();
    }
  }

  /** Calls back with the payload of each packet of the server. Returns what stops it. */
  onPacket(take: (payload: Buffer) => void): () => void {
    const tracks = this.#peer.getTransceivers().flatMap(({ receiver }) => receiver.tracks);
    const subscriptions = tracks.map((track) => track.onReceiveRtp.subscribe(({ payload }) => take(payload)));
    return () => {
      for (const { unSubscribe } of subscriptions) unSubscribe();
    };
  }

  /** Calls back with each further event of the server. */
  onEvent(take: (event: string) => void): void {
    this.#channel.onMessage.subscribe((data) => take(data.toString()));
  }

  close(): Promise<void> {
    return this.#peer.close();
  }

  #send(payload: Buffer): void {
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    const header = new RtpHeader({
      ...{ version: 2, payloadType: opus.payloadType, sequenceNumber: this.#sequenceNumber },
      timestamp: this.#frames * clockPerFrame,
    });
    void this.#peer.getSenders()[0]?.sendRtp(new RtpPacket(header, payload));
  }
}
