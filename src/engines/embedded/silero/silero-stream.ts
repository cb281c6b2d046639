import { noiseReducerDelayMs } from '../../../audio/noise-reducer.ts';
import type { NoiseReduction, VoiceActivityStream, VoiceFrame } from '../../../session/ports/voice-activity.ts';
import { EngineError } from '../../engine-error.ts';

export const engine = 'Silero voice activity';
const FRAME_MS = 32;
/** Numbers in a `VoiceFrame`. */
export const FRAME_VALUES = 3;
/** Maximum audio of one stream in one batch: longer pushes must not delay other streams. */
const MAX_PART_MS = 4 * FRAME_MS;
/** Maximum audio of a stream that waits for its frames. */
const MAX_WAITING_MS = 30 * 60_000;

/** Consecutive samples of a stream, for the worker. */
export interface StreamPart {
  /** The id of the stream in the worker. */
  stream: number;
  sampleRateHz: number;
  samples: Int16Array;
  /** The strength of noise reduction, 0…1; undefined as long as it was never on. */
  strength: number | undefined;
}

/** The detector, as a stream sees it. */
export interface StreamHost {
  nextId(): number;
  /** The stream has a part that completes a frame. */
  due(stream: SileroStream): void;
  /** The stream no longer uses this id. */
  released(stream: SileroStream, id: number): void;
}

interface Push {
  /** Number of frames that it completes. */
  readonly frames: number;
  readonly result: PromiseWithResolvers<readonly VoiceFrame[]>;
}

/** The audio of one session that waits for the worker, and the pushes that wait for their frames. */
export class SileroStream implements VoiceActivityStream {
  readonly frameMs = FRAME_MS;
  readonly #sampleRateHz: number;
  readonly #host: StreamHost;
  /** A new one after a failure, because the worker has lost the state. */
  #id: number;
  readonly #unsent: SampleQueue;
  #samplesPushed = 0;
  #samplesSent = 0;
  #samplesDone = 0;
  #framesPromised = 0;
  #pushes: Push[] = [];
  #reduction: NoiseReduction | undefined;
  /** Frames that no push has taken yet. */
  #frames: VoiceFrame[] = [];
  #closed = false;

  constructor(sampleRateHz: number, host: StreamHost) {
    this.#sampleRateHz = sampleRateHz;
    this.#host = host;
    this.#id = host.nextId();
    this.#unsent = new SampleQueue(Math.ceil(this.#samplesIn(2 * FRAME_MS)));
  }

  /** After `close()`, also for the pushes that it interrupted, there are fewer frames or none. */
  push(samples: Int16Array): Promise<readonly VoiceFrame[]> | undefined {
    if (this.#closed) return undefined;
    if (this.#samplesPushed - this.#samplesDone + samples.length > this.#samplesIn(MAX_WAITING_MS)) {
      return Promise.reject(new EngineError(engine, `${MAX_WAITING_MS / 60_000} minutes of audio are already waiting`));
    }
    this.#unsent.push(samples);
    this.#samplesPushed += samples.length;
    // When noise reduction begins, its delay passes without frames.
    const frames = Math.max(0, this.#framesIn(this.#samplesPushed) - this.#framesPromised);
    if (this.isDue) this.#host.due(this);
    if (frames === 0) return undefined;
    this.#framesPromised += frames;
    const result = Promise.withResolvers<readonly VoiceFrame[]>();
    this.#pushes.push({ frames, result });
    return result.promise;
  }

  /** Once on, it stays in the path: with strength 0 it only delays. */
  reduceNoise(reduction: NoiseReduction): void {
    this.#reduction = reduction;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsent.clear();
    for (const { frames, result } of this.#pushes.splice(0)) result.resolve(this.#frames.splice(0, frames));
    this.#host.released(this, this.#id);
  }

  /** Whether the unsent audio completes a frame. */
  get isDue(): boolean {
    return this.#framesIn(this.#samplesPushed) > this.#framesIn(this.#samplesSent);
  }

  /** The next samples, at most `MAX_PART_MS`, which are valid until the next push. */
  takePart(): StreamPart {
    const samples = this.#unsent.take(Math.ceil(this.#samplesIn(MAX_PART_MS)));
    this.#samplesSent += samples.length;
    return { stream: this.#id, sampleRateHz: this.#sampleRateHz, samples, strength: this.#reduction?.strength };
  }

  /** Takes the results of a part. `reduced`: the next samples with reduced noise; empty without reduction. */
  answer(part: StreamPart, frames: readonly VoiceFrame[], reduced: Int16Array): void {
    if (this.#closed || part.stream !== this.#id) return;
    if (reduced.length > 0) this.#reduction?.write(reduced);
    this.#samplesDone += part.samples.length;
    this.#frames.push(...frames);
    this.#settle();
  }

  /** Fails all waiting pushes; the next push starts a new stream. */
  fail(part: StreamPart, error: unknown): void {
    if (this.#closed || part.stream !== this.#id) return;
    this.#host.released(this, this.#id);
    this.#id = this.#host.nextId();
    this.#unsent.clear();
    this.#samplesPushed = 0;
    this.#samplesSent = 0;
    this.#samplesDone = 0;
    this.#framesPromised = 0;
    this.#frames = [];
    for (const { result } of this.#pushes.splice(0)) result.reject(error);
  }

  #settle(): void {
    for (let [push] = this.#pushes; push && push.frames <= this.#frames.length; [push] = this.#pushes) {
      this.#pushes.shift();
      push.result.resolve(this.#frames.splice(0, push.frames));
    }
  }

  #samplesIn(ms: number): number {
    return (ms * this.#sampleRateHz) / 1000;
  }

  #framesIn(samples: number): number {
    const delay = this.#reduction ? this.#samplesIn(noiseReducerDelayMs) : 0;
    return Math.max(0, Math.floor((samples - delay) / this.#samplesIn(FRAME_MS)));
  }
}

/** Samples in memory that is reused, and grows while more of them wait. */
class SampleQueue {
  readonly #usualLength: number;
  #samples: Int16Array;
  #first = 0;
  #length = 0;

  constructor(usualLength: number) {
    this.#usualLength = usualLength;
    this.#samples = new Int16Array(usualLength);
  }

  push(samples: Int16Array): void {
    const length = this.#length + samples.length;
    if (this.#first + length > this.#samples.length) this.#makeRoom(length);
    this.#samples.set(samples, this.#first + this.#length);
    this.#length = length;
  }

  /** The next samples, at most `count`: a view that is valid until the next push. */
  take(count: number): Int16Array {
    const taken = this.#samples.subarray(this.#first, this.#first + Math.min(count, this.#length));
    this.#first += taken.length;
    this.#length -= taken.length;
    if (this.#length === 0) this.clear();
    return taken;
  }

  clear(): void {
    this.#first = 0;
    this.#length = 0;
    if (this.#samples.length > this.#usualLength) this.#samples = new Int16Array(this.#usualLength);
  }

  #makeRoom(length: number): void {
    const waiting = this.#samples.subarray(this.#first, this.#first + this.#length);
    if (length > this.#samples.length) this.#samples = new Int16Array(Math.ceil(1.5 * length));
    this.#samples.set(waiting);
    this.#first = 0;
  }
}
