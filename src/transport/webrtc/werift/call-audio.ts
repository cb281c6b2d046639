import { randomInt } from 'node:crypto';
import { type RTCRtpTransceiver, RtcpRrPacket, RtcpSrPacket, RtpHeader, RtpPacket } from 'werift';
import type { AudioClip } from '../../../audio/audio-clip.ts';
import type { Clock } from '../../../core/clock.ts';
import { clockRatesHz, type FrameDecoder, type FrameEncoder, frameMs } from '../frame-codec.ts';
import { FramePacer } from '../frame-pacer.ts';
import { JitterBuffer } from '../jitter-buffer.ts';
import type { Offer } from '../offer.ts';
import type { ReceivedPackets } from '../peer-connection.ts';
import { SentPlayback } from '../sent-playback.ts';

/** Another synchronization source takes over when the current one has been silent for this time. */
const sourceTimeoutMs = 500;
/** A receiver report cannot plausibly say more. */
const longestDeliveryMs = 2000;

/** The audio of one call: RTP in both directions, and what receiver reports say about it (RFC 3550 §6.4). */
export class CallAudio {
  readonly playback: SentPlayback;
  readonly #clock: Clock;
  readonly #offer: Pick<Offer, 'codec' | 'payloadType'>;
  readonly #transceiver: RTCRtpTransceiver;
  readonly #encoder: FrameEncoder;
  readonly #received: JitterBuffer;
  readonly #unsubscribe: (() => void)[];
  #source: { ssrc: number; seenAt: number } | undefined;
  #pacer: FramePacer | undefined;
  #sequenceNumber = randomInt(0x10000);
  readonly #firstTimestamp = randomInt(2 ** 32);

  constructor(options: {
    clock: Clock;
    offer: Pick<Offer, 'codec' | 'payloadType'>;
    transceiver: RTCRtpTransceiver;
    encoder: FrameEncoder;
    decoder: FrameDecoder;
    leadMs: number;
    output: (clip: AudioClip) => void;
    exceeded: () => void;
  }) {
    const { clock, offer, transceiver, encoder, decoder, leadMs, output, exceeded } = options;
    this.#clock = clock;
    this.#offer = offer;
    this.#transceiver = transceiver;
    this.#encoder = encoder;
    this.playback = new SentPlayback({ clock, rateHz: encoder.sampleRateHz, leadMs });
    this.#received = new JitterBuffer({ clock, decoder, clockRateHz: clockRatesHz[offer.codec], output, exceeded });
    const { dtlsTransport } = transceiver;
    // werift would answer each NACK, which is not negotiated, with up to 17 packets.
    dtlsTransport.onRtcp.allUnsubscribe();
    this.#unsubscribe = [
      // From the transport, because werift only passes on packets whose source the offer names (`a=ssrc`).
      dtlsTransport.onRtp.subscribe((packet) => this.#receive(packet)).unSubscribe,
      dtlsTransport.onRtcp.subscribe((packet) => {
        if (packet instanceof RtcpRrPacket || packet instanceof RtcpSrPacket) this.#reported(packet);
      }).unSubscribe,
    ];
  }

  get received(): ReceivedPackets {
    return this.#received.packets;
  }

  /** Starts to send. */
  start(): void {
    this.#pacer ??= new FramePacer({
      clock: this.#clock,
      encoder: this.#encoder,
      clockRateHz: clockRatesHz[this.#offer.codec],
      nextFrame: () => this.playback.nextFrame(),
      send: ({ payload, timestamp, starts }) => this.#send(payload, timestamp, starts),
    });
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#pacer?.stop();
    this.#received.close();
    this.#encoder.free();
    this.playback.close();
  }

  #send(payload: Uint8Array, timestamp: number, marker: boolean): void {
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    const header = new RtpHeader({
      version: 2,
      payloadType: this.#offer.payloadType,
      sequenceNumber: this.#sequenceNumber,
      timestamp: (this.#firstTimestamp + timestamp) >>> 0,
      marker,
    });
    const packet = new RtpPacket(header, Buffer.from(payload.buffer, payload.byteOffset, payload.length));
    void this.#transceiver.sender.sendRtp(packet).catch(() => {});
  }

  #receive({ header, payload }: RtpPacket): void {
    if (header.payloadType !== this.#offer.payloadType || !this.#follows(header.ssrc)) return;
    const { sequenceNumber, timestamp } = header;
    this.#received.push({ sequenceNumber, timestamp, payload });
  }

  /** Whether a packet belongs to the current source: a client has one at a time. */
  #follows(ssrc: number): boolean {
    const now = this.#clock.now();
    if (this.#source && this.#source.ssrc !== ssrc && now - this.#source.seenAt < sourceTimeoutMs) return false;
    this.#source = { ssrc, seenAt: now };
    return true;
  }

  /**
   * The newest packet that the client had received when it reported is as old as the round trip; half of it, or the
   * reported packet's age less half the measured round trip, is the time that audio takes to the client.
   */
  #reported(packet: RtcpRrPacket | RtcpSrPacket): void {
    const { sender, receiver } = this.#transceiver;
    // Both read their own parts: a sender report answers ours, and times the next one from here.
    sender.handleRtcpPacket(packet);
    receiver.handleRtcpPacket(packet);
    const report = packet.reports.find(({ ssrc }) => ssrc === sender.ssrc);
    if (!report) return;
    this.#encoder.reportLoss(report.fractionLost / 256);
    const behindMs = ((this.#sequenceNumber - report.highestSequence) & 0xffff) * frameMs;
    const roundTripMs = Math.min(behindMs, roundTripOf(sender.collectStats(0)) ?? behindMs);
    this.playback.reportDelivery(Math.min(longestDeliveryMs, behindMs - roundTripMs / 2));
  }
}

function roundTripOf(stats: readonly object[]): number | undefined {
  for (const entry of stats) {
    if ('roundTripTime' in entry && typeof entry.roundTripTime === 'number') return entry.roundTripTime * 1000;
  }
  return undefined;
}
