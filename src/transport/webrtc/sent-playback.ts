import { fadeIn, fadeOut } from '../../audio/fade.ts';
import { durationMs, samplesIn } from '../../audio/pcm.ts';
import { createResampler, type Resampler } from '../../audio/resample.ts';
import { pause, rejectOnAbort } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { OutputAudio, Playback, PlaybackListener, PlayedPart } from '../../session/ports/playback.ts';
import { frameMs } from './frame-codec.ts';

/** Sound fades out in this time when playback pauses or is cut off, and in when it resumes. */
const fadeMs = 10;
/** Parts whose position is known after they have been played. */
const mostParts = 16;

interface Part {
  readonly itemId: string;
  readonly contentIndex: number;
  sentMs: number;
}

interface Queued {
  readonly audio: OutputAudio;
  readonly part: Part;
  /** Samples that have been taken from it. */
  offset: number;
}

/** A frame that may still be on its way to the listener. */
interface SentFrame {
  readonly part: Part;
  readonly ms: number;
  readonly sentAt: number;
}

/**
 * The playback of a call, measured by the frames that are sent: `nextFrame` is called once per `frameMs`. Audio on its
 * way to the listener, according to receiver reports, does not count as played.
 */
export class SentPlayback implements Playback {
  listener: PlaybackListener | undefined;
  readonly #clock: Clock;
  readonly #rateHz: number;
  readonly #leadMs: number;
  #queue: Queued[] = [];
  #parts: Part[] = [];
  #inFlight: SentFrame[] = [];
  #lastSentEndsAt = 0;
  #deliveryMs = 0;
  #resampler: Resampler | undefined;
  #loadingRate: number | undefined;
  #paused: PromiseWithResolvers<void> | undefined;
  /** The end of a sound that was cut off. */
  #tail: Int16Array | undefined;
  #fadesIn = false;
  /** Less than a frame is left: more may follow until the next frame is due. */
  #waitsForMore = false;
  #responseId: string | undefined;
  #closed = false;

  /** `rateHz`: the sample rate of the frames. Audio is admitted at most `leadMs` before it is sent. */
  constructor(options: { clock: Clock; rateHz: number; leadMs: number }) {
    this.#clock = options.clock;
    this.#rateHz = options.rateHz;
    this.#leadMs = options.leadMs;
  }

  get endsAt(): number {
    const queuedMs = this.#queuedMs;
    const sentUntil = queuedMs > 0 ? Math.max(this.#lastSentEndsAt, this.#clock.now()) : this.#lastSentEndsAt;
    return sentUntil + queuedMs + this.#deliveryMs;
  }

  get current(): PlayedPart | undefined {
    const now = this.#clock.now();
    const part =
      this.#inFlight.find(({ sentAt, ms }) => sentAt + ms + this.#deliveryMs > now)?.part ?? this.#queue[0]?.part;
    return part && { itemId: part.itemId, contentIndex: part.contentIndex, playedMs: this.#playedMs(part) };
  }

  async admit(durationMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (;;) {
      const excessMs = this.#queue.length > 0 ? this.#queuedMs + durationMs - this.#leadMs : 0;
      if (this.#paused) await Promise.race([this.#paused.promise, rejectOnAbort(signal)]);
      else if (excessMs > 0) await pause(Math.max(frameMs, excessMs), this.#clock, signal);
      else return;
    }
  }

  play(audio: OutputAudio): void {
    if (audio.samples.length === 0 || this.#closed) return;
    this.#queue.push({ audio, part: this.#partOf(audio), offset: 0 });
    this.#waitsForMore = false;
  }

  positionMs(itemId: string, contentIndex: number): number | undefined {
    const part = this.#parts.find((each) => each.itemId === itemId && each.contentIndex === contentIndex);
    return part && this.#playedMs(part);
  }

  interrupt(): PlayedPart | undefined {
    const [first] = this.#queue;
    if (!first) return undefined;
    if (!this.#paused && first.audio.responseId === this.#responseId) this.#tail = this.#peekTail();
    this.#queue = [];
    this.#responseId = undefined;
    this.#waitsForMore = false;
    const { itemId, contentIndex } = first.part;
    return { itemId, contentIndex, playedMs: this.#playedMs(first.part) };
  }

  pause(): void {
    if (this.#paused) return;
    if (this.#responseId !== undefined) this.#tail = this.#peekTail();
    this.#paused = Promise.withResolvers();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused.resolve();
    this.#paused = undefined;
    // Nothing fades if the pause ends before its first frame, or began in silence.
    this.#fadesIn = this.#responseId !== undefined && this.#tail === undefined;
    this.#tail = undefined;
  }

  /** The time from sending to playing, by the latest receiver report. */
  reportDelivery(ms: number): void {
    this.#deliveryMs = ms;
  }

  /** The next `frameMs` of sound at the rate of the frames; undefined if there is none. */
  nextFrame(): Int16Array | undefined {
    const tail = this.#tail;
    this.#tail = undefined;
    if (tail) return this.#converted(tail);
    if (this.#paused) return undefined;
    const [first] = this.#queue;
    if (!first) return this.#drained();
    if (!this.#isReady(first.audio.sampleRateHz)) return undefined;
    if (!this.#waitsForMore && this.#queuedMs < frameMs) {
      this.#waitsForMore = true;
      return undefined;
    }
    this.#waitsForMore = false;
    const started = this.#responseId !== first.audio.responseId;
    this.#responseId = first.audio.responseId;
    const frame = this.#take(first.audio.sampleRateHz);
    if (this.#fadesIn) fadeIn(frame, samplesIn(fadeMs, first.audio.sampleRateHz));
    this.#fadesIn = false;
    if (started) this.listener?.started(first.audio.responseId);
    return this.#converted(frame);
  }

  close(): void {
    this.#closed = true;
    this.#queue = [];
    this.#resampler?.free();
    this.#resampler = undefined;
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  get #queuedMs(): number {
    return this.#queue.reduce(
      (sum, { audio, offset }) => sum + durationMs(audio.samples.length - offset, audio.sampleRateHz),
      0,
    );
  }

  #partOf({ itemId, contentIndex }: OutputAudio): Part {
    const last = this.#parts.at(-1);
    if (last?.itemId === itemId && last.contentIndex === contentIndex) return last;
    const part = { itemId, contentIndex, sentMs: 0 };
    const queued = new Set(this.#queue.map((each) => each.part));
    const played = this.#parts.filter((each) => !queued.has(each)).slice(-mostParts);
    this.#parts = [...played, ...queued, part];
    return part;
  }

  /** The duration of a part that was sent, less the duration on its way. */
  #playedMs(part: Part): number {
    const now = this.#clock.now();
    const pending = this.#inFlight
      .filter((frame) => frame.part === part)
      .reduce((sum, { ms, sentAt }) => sum + Math.max(0, Math.min(ms, sentAt + this.#deliveryMs + ms - now)), 0);
    return Math.max(0, part.sentMs - pending);
  }

  #drained(): undefined {
    if (this.#responseId === undefined) return;
    this.#responseId = undefined;
    this.listener?.drained();
  }

  /** Takes a frame from the queue, as far as the audio has the same rate; the rest is silence. */
  #take(sampleRateHz: number): Int16Array {
    const now = this.#clock.now();
    const frame = new Int16Array(samplesIn(frameMs, sampleRateHz));
    let length = 0;
    for (let next = this.#queue[0]; next && length < frame.length; next = this.#queue[0]) {
      const { samples, sampleRateHz: rateHz, responseId } = next.audio;
      if (rateHz !== sampleRateHz || responseId !== this.#responseId) break;
      const taken = samples.subarray(next.offset, next.offset + frame.length - length);
      frame.set(taken, length);
      length += taken.length;
      next.offset += taken.length;
      const ms = durationMs(taken.length, rateHz);
      next.part.sentMs += ms;
      this.#inFlight.push({ part: next.part, ms, sentAt: now });
      if (next.offset === samples.length) this.#queue.shift();
    }
    this.#inFlight = this.#inFlight.filter(({ sentAt, ms }) => sentAt + ms + this.#deliveryMs > now);
    this.#lastSentEndsAt = now + frameMs;
    return frame;
  }

  /** The next sound, fading to silence, without taking it. */
  #peekTail(): Int16Array | undefined {
    const [first] = this.#queue;
    if (!first) return undefined;
    const { samples, sampleRateHz } = first.audio;
    const tail = new Int16Array(samplesIn(frameMs, sampleRateHz));
    const length = samplesIn(fadeMs, sampleRateHz);
    tail.set(samples.subarray(first.offset, first.offset + length));
    fadeOut(tail, length);
    return tail;
  }

  /** Whether audio of this rate can be converted; prepares it otherwise. */
  #isReady(sampleRateHz: number): boolean {
    if (sampleRateHz === this.#rateHz || this.#resampler?.fromHz === sampleRateHz) return true;
    if (this.#loadingRate === sampleRateHz) return false;
    this.#loadingRate = sampleRateHz;
    const loaded = (resampler: Resampler) => {
      this.#resampler?.free();
      this.#resampler = resampler;
      this.#loadingRate = undefined;
      if (this.#closed) this.close();
    };
    // After a failure, which may be a lack of memory, the next frame tries again.
    const failed = () => {
      this.#loadingRate = undefined;
    };
    void createResampler(sampleRateHz, this.#rateHz, { align: false }).then(loaded, failed);
    return false;
  }

  #converted(frame: Int16Array): Int16Array {
    const native = samplesIn(frameMs, this.#rateHz);
    if (frame.length === native) return frame;
    return this.#resampler?.push(frame) ?? new Int16Array(native);
  }
}
