import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs, samplesIn } from '../../audio/pcm.ts';
import type { Clock } from '../../core/clock.ts';
import { TokenBucket } from '../../core/token-bucket.ts';
import { type FrameDecoder, frameMs, shortestFrameMs } from './frame-codec.ts';
import type { ReceivedPackets } from './peer-connection.ts';

/** The part of an RTP packet (RFC 3550 §5.1) that matters here. */
export interface RtpFrame {
  sequenceNumber: number;
  timestamp: number;
  payload: Uint8Array;
}

/** Bounds of the wait for a missing packet after a later one has arrived. */
const shortestWaitMs = 20;
const longestWaitMs = 200;
/** The jitter is the spread of transit times in this window. */
const jitterWindowMs = 2000;
const jitterWindowPackets = 128;
/** Packets that wait for missing ones; beyond it they wait no longer. */
const mostWaiting = 64;
/** A greater difference of sequence numbers means that the sender has restarted (RFC 3550 appendix A.1). */
const greatestStep = 500;
/** Concealment fades: after this time, silence follows. */
const mostConcealedMs = 100;
/** Audio that a client may send ahead of real time, in milliseconds. */
const burstMs = 3000;

/**
 * Turns the packets of an RTP stream into continuous audio. Packets in order pass at once; later ones wait for a missing
 * one as long as the measured jitter justifies, then it is recovered from FEC or concealed. Pauses of the sender (DTX)
 * become silence while they last, and are corrected by the timestamp of the next packet. Audio that was only late is
 * never dropped, and never more than real time is accepted.
 */
export class JitterBuffer {
  readonly packets: ReceivedPackets = { received: 0, lost: 0, recovered: 0, concealed: 0, late: 0, dropped: 0 };
  readonly #clock: Clock;
  readonly #decoder: FrameDecoder;
  readonly #clockRateHz: number;
  readonly #output: (clip: AudioClip) => void;
  readonly #exceeded: () => void;
  readonly #allowance = new TokenBucket({ burst: burstMs, perSecond: 1000 });
  readonly #transit: { atMs: number; ms: number }[] = [];
  readonly #waiting = new Map<number, RtpFrame & { arrivedAt: number }>();
  #next: { sequenceNumber: number; timestamp: number } | undefined;
  /** The sequence number after a packet far outside the expected range. */
  #restartAt: number | undefined;
  #frameSamples: number;
  /** Samples put out since the last packet because none arrived. */
  #filled = 0;
  #deliveredAt = 0;
  #cancelTimer = () => {};
  #hasExceeded = false;
  #closed = false;

  /** `exceeded` is called once when audio beyond real time is dropped. */
  constructor(options: {
    clock: Clock;
    decoder: FrameDecoder;
    clockRateHz: number;
    output: (clip: AudioClip) => void;
    exceeded: () => void;
  }) {
    this.#clock = options.clock;
    this.#decoder = options.decoder;
    this.#clockRateHz = options.clockRateHz;
    this.#output = options.output;
    this.#exceeded = options.exceeded;
    this.#frameSamples = samplesIn(frameMs, this.#decoder.sampleRateHz);
  }

  push(frame: RtpFrame): void {
    const now = this.#clock.now();
    if (frame.payload.length === 0) return;
    this.packets.received += 1;
    if (this.#allowance.overdrawnMs(now) > 0) {
      this.packets.dropped += 1;
      if (!this.#hasExceeded) this.#exceeded();
      this.#hasExceeded = true;
      return;
    }
    this.#next ??= { sequenceNumber: frame.sequenceNumber, timestamp: frame.timestamp };
    if (!this.#isExpected(frame)) {
      this.packets.dropped += 1;
      return;
    }
    this.#measure(frame, now);
    const isPast = difference16(frame.sequenceNumber, this.#next.sequenceNumber) < 0;
    if (isPast || this.#waiting.has(frame.sequenceNumber)) {
      this.packets.late += 1;
      return;
    }
    this.#waiting.set(frame.sequenceNumber, { ...frame, arrivedAt: now });
    this.#drain();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#waiting.clear();
    this.#decoder.free();
  }

  /** The wait for a missing packet, in milliseconds. */
  get #waitMs(): number {
    const times = this.#transit.map(({ ms }) => ms);
    return Math.min(longestWaitMs, Math.max(shortestWaitMs, Math.max(...times) - Math.min(...times)));
  }

  /** Whether a packet belongs to the stream. A single stray one is dropped, a second one restarts it. */
  #isExpected({ sequenceNumber, timestamp }: RtpFrame): boolean {
    const step = difference16(sequenceNumber, this.#next?.sequenceNumber ?? sequenceNumber);
    if (Math.abs(step) > greatestStep) {
      const restarts = this.#restartAt === sequenceNumber;
      this.#restartAt = (sequenceNumber + 1) & 0xffff;
      if (!restarts) return false;
      this.#waiting.clear();
      this.#transit.length = 0;
      this.#next = { sequenceNumber, timestamp };
    }
    this.#restartAt = undefined;
    return true;
  }

  #measure({ timestamp }: RtpFrame, now: number): void {
    const base = this.#next?.timestamp ?? timestamp;
    const aheadMs = durationMs(difference32(timestamp, base), this.#clockRateHz);
    const baseMs = durationMs(base, this.#clockRateHz);
    const entry = { atMs: now, ms: now - baseMs - aheadMs };
    // A new epoch of timestamps: older transit times are not comparable.
    if (Math.abs(entry.ms - (this.#transit.at(-1)?.ms ?? entry.ms)) > jitterWindowMs) this.#transit.length = 0;
    this.#transit.push(entry);
    while (this.#transit.length > jitterWindowPackets || (this.#transit[0]?.atMs ?? now) < now - jitterWindowMs) {
      this.#transit.shift();
    }
  }

  #drain(): void {
    for (;;) {
      const next = this.#waiting.get(this.#next?.sequenceNumber ?? -1);
      if (next) this.#deliver(next);
      else if (!this.#skipLost()) break;
    }
    this.#schedule();
  }

  /** Gives up packets before the first one that waits, if it has waited long enough. */
  #skipLost(): boolean {
    const first = this.#firstWaiting();
    if (!first) return false;
    const due = this.#clock.now() >= first.arrivedAt + this.#waitMs;
    if (!due && this.#waiting.size <= mostWaiting) return false;
    this.#concealBefore(first);
    return true;
  }

  #firstWaiting(): (RtpFrame & { arrivedAt: number }) | undefined {
    const { sequenceNumber } = this.#next ?? { sequenceNumber: 0 };
    let first: (RtpFrame & { arrivedAt: number }) | undefined;
    for (const frame of this.#waiting.values()) {
      const distance = difference16(frame.sequenceNumber, sequenceNumber);
      if (!first || distance < difference16(first.sequenceNumber, sequenceNumber)) first = frame;
    }
    return first;
  }

  #deliver(frame: RtpFrame): void {
    this.#waiting.delete(frame.sequenceNumber);
    this.#fillPause(frame);
    const samples = this.#decode(frame.payload);
    // A pause is filled frame by frame: shorter ones would cost a timer for each sample.
    this.#frameSamples = Math.max(samples.length, samplesIn(shortestFrameMs, this.#decoder.sampleRateHz));
    this.#emit(samples);
    this.#count(samples.length);
    this.#advance(frame, samples.length);
  }

  /** Counts audio toward real time. */
  #count(samples: number): void {
    this.#allowance.take(this.#clock.now(), durationMs(samples, this.#decoder.sampleRateHz));
  }

  #decode(payload: Uint8Array): Int16Array {
    try {
      return this.#decoder.decode(payload);
    } catch {
      // Malformed: like a lost packet.
      this.packets.dropped += 1;
      return this.#decoder.conceal(this.#frameSamples);
    }
  }

  #advance(frame: RtpFrame, samples: number): void {
    const ticks = Math.round((samples * this.#clockRateHz) / this.#decoder.sampleRateHz);
    this.#next = {
      sequenceNumber: (frame.sequenceNumber + 1) & 0xffff,
      timestamp: (frame.timestamp + ticks) >>> 0,
    };
    this.#filled = 0;
    this.#deliveredAt = this.#clock.now();
  }

  /** The sender was silent between two packets: adds what has not been filled yet, at most the time that has passed. */
  #fillPause({ timestamp }: RtpFrame): void {
    const silence = Math.min(this.#samplesUntil(timestamp), this.#samplesSinceDelivery()) - this.#filled;
    if (silence < this.#frameSamples / 2 || this.#allowance.overdrawnMs(this.#clock.now()) > 0) return;
    this.#count(silence);
    // Continues the fade of concealed audio instead of cutting it off.
    let rest = silence;
    for (let frame = this.#filled / this.#frameSamples; frame > 0 && rest >= this.#frameSamples; frame++) {
      this.#emit(this.#conceal(frame));
      rest -= this.#frameSamples;
    }
    this.#emit(new Int16Array(rest));
  }

  #concealBefore(frame: RtpFrame): void {
    const lost = difference16(frame.sequenceNumber, this.#next?.sequenceNumber ?? frame.sequenceNumber);
    const samples = Math.min(this.#samplesUntil(frame.timestamp), this.#samplesSinceDelivery()) - this.#filled;
    const frames = Math.min(lost, Math.floor(samples / this.#frameSamples));
    const filledFrames = this.#filled / this.#frameSamples;
    const recovers = frames > 0 && this.#decoder.canRecover(frame.payload);
    this.packets.lost += lost;
    if (recovers) this.packets.recovered += 1;
    this.packets.concealed += Math.min(lost, frames + filledFrames) - (recovers ? 1 : 0);
    if (frames > 0) this.#count(frames * this.#frameSamples);
    for (let i = 0; i < frames; i++) {
      const last = i === frames - 1;
      if (last) this.#emit(this.#recover(frame.payload));
      else this.#emit(this.#conceal(i + filledFrames));
    }
    this.#next = { sequenceNumber: frame.sequenceNumber, timestamp: frame.timestamp };
    this.#filled = 0;
  }

  /** Samples between the end of the last packet and a timestamp; 0 if it is not later. */
  #samplesUntil(timestamp: number): number {
    const ticks = difference32(timestamp, this.#next?.timestamp ?? timestamp);
    return Math.max(0, Math.round((ticks * this.#decoder.sampleRateHz) / this.#clockRateHz));
  }

  /** Audio that fits into the time since the last packet, with room for its jitter. */
  #samplesSinceDelivery(): number {
    const ms = this.#clock.now() - this.#deliveredAt + longestWaitMs;
    return Math.floor(samplesIn(ms, this.#decoder.sampleRateHz));
  }

  #recover(next: Uint8Array): Int16Array {
    try {
      return this.#decoder.recover(next, this.#frameSamples);
    } catch {
      return new Int16Array(this.#frameSamples);
    }
  }

  #conceal(frame: number): Int16Array {
    const concealedMs = durationMs(frame * this.#frameSamples, this.#decoder.sampleRateHz);
    if (concealedMs >= mostConcealedMs) return new Int16Array(this.#frameSamples);
    return this.#decoder.conceal(this.#frameSamples);
  }

  #emit(samples: Int16Array): void {
    if (samples.length > 0) this.#output({ samples, sampleRateHz: this.#decoder.sampleRateHz });
  }

  #schedule(): void {
    this.#cancelTimer();
    if (this.#closed) return;
    const now = this.#clock.now();
    const first = this.#firstWaiting();
    const delayMs = first ? first.arrivedAt + this.#waitMs - now : this.#starvesInMs(now);
    this.#cancelTimer = this.#clock.after(Math.max(0, delayMs), () => {
      if (!this.#firstWaiting()) this.#fill();
      this.#drain();
    });
  }

  /** When the next frame is overdue, and the pause is filled. */
  #starvesInMs(now: number): number {
    const filledMs = durationMs(this.#filled, this.#decoder.sampleRateHz);
    const frameLengthMs = durationMs(this.#frameSamples, this.#decoder.sampleRateHz);
    return this.#deliveredAt + 2 * frameLengthMs + this.#waitMs + filledMs - now;
  }

  /** Nothing has arrived: the sender pauses, or packets are late. */
  #fill(): void {
    this.#emit(this.#conceal(this.#filled / this.#frameSamples));
    this.#filled += this.#frameSamples;
  }
}

/** `a - b` of 16-bit sequence numbers, which wrap around. */
function difference16(a: number, b: number): number {
  return ((a - b + 0x8000) & 0xffff) - 0x8000;
}

/** `a - b` of 32-bit timestamps, which wrap around. */
function difference32(a: number, b: number): number {
  return (a - b) | 0;
}
