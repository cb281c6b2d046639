import { samplesIn } from '../../audio/pcm.ts';
import type { Clock } from '../../core/clock.ts';
import { type FrameEncoder, frameMs } from './frame-codec.ts';

/** After a longer delay of the event loop the missed frames are skipped, as a pause of the sender. */
const longestBurstFrames = 25;

export interface PacerOptions {
  clock: Clock;
  encoder: FrameEncoder;
  clockRateHz: number;
  /** The next frame of sound at the rate of the encoder; undefined for silence. */
  nextFrame(): Int16Array | undefined;
  /** `timestamp`: on the clock of RTP, from 0. `starts`: the first sound after silence (the marker, RFC 3551 §4.1). */
  send(frame: { payload: Uint8Array; timestamp: number; starts: boolean }): void;
}

/**
 * Sends a frame each `frameMs` by the monotonic clock: a late timer sends the frames that were due, so the rate has no
 * drift. Silence is sent too, because receivers adapt their buffers to a continuous stream.
 */
export class FramePacer {
  readonly #options: PacerOptions;
  readonly #silence: Int16Array;
  readonly #ticksPerFrame: number;
  readonly #startedAt: number;
  #frames = 0;
  #silent = true;
  #stopped = false;
  #cancelTimer = () => {};

  constructor(options: PacerOptions) {
    this.#options = options;
    this.#silence = new Int16Array(samplesIn(frameMs, options.encoder.sampleRateHz));
    this.#ticksPerFrame = samplesIn(frameMs, options.clockRateHz);
    this.#startedAt = options.clock.now();
    this.#sendDue();
  }

  /** Permitted in `nextFrame` and `send` too: nothing is sent from then on. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  #sendDue(): void {
    const { clock } = this.#options;
    const due = Math.floor((clock.now() - this.#startedAt) / frameMs) + 1;
    if (due - this.#frames > longestBurstFrames) this.#frames = due - 1;
    while (!this.#stopped && this.#frames < due) this.#send();
    if (this.#stopped) return;
    const nextAt = this.#startedAt + this.#frames * frameMs;
    this.#cancelTimer = clock.after(Math.max(0, nextAt - clock.now()), () => this.#sendDue());
  }

  #send(): void {
    const { encoder, nextFrame, send } = this.#options;
    const sound = nextFrame();
    if (this.#stopped) return;
    const payload = encoder.encode(sound ?? this.#silence);
    const starts = this.#silent && sound !== undefined;
    this.#silent = sound === undefined;
    const timestamp = this.#frames * this.#ticksPerFrame;
    this.#frames += 1;
    send({ payload, timestamp, starts });
  }
}
