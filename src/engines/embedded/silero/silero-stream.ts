import { noiseReducerDelayMs } from '../../../audio/noise-reducer.ts';
import { concatSamples } from '../../../audio/pcm.ts';
import type { NoiseReduction, VoiceActivityStream, VoiceFrame } from '../../../session/ports/voice-activity.ts';
import { EngineError } from '../../engine-error.ts';

export const engine = 'Silero voice activity';
const FRAME_MS = 32;
/** Maximum audio of one stream in one batch: longer pushes must not delay other streams. */
const MAX_PART_MS = 4 * FRAME_MS;
/** Maximum audio of a stream that waits for its frames. */
const MAX_WAITING_MS = 30 * 60_000;

/** Consecutive samples of a stream, for the worker. */
export interface StreamPart {
  /** The id of the stream in the worker. */
  stream: number;
  sampleRateHz: number;
  samples: Int16Array<ArrayBuffer>;
  /** The strength of noise reduction, 0…1; undefined as long as it was never on. */
  strength: number | undefined;
}

/** The results of a part. */
export interface StreamResult {
  frames: readonly VoiceFrame[];
  /** The next samples with reduced noise; empty without reduction. */
  reduced: Int16Array<ArrayBuffer>;
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
  #held: Int16Array[] = [];
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
  }

  /** After `close()`, also for the pushes that it interrupted, there are fewer frames or none. */
  push(samples: Int16Array): Promise<readonly VoiceFrame[]> {
    if (this.#closed) return Promise.resolve([]);
    if (this.#samplesPushed - this.#samplesDone + samples.length > this.#samplesIn(MAX_WAITING_MS)) {
      return Promise.reject(new EngineError(engine, `${MAX_WAITING_MS / 60_000} minutes of audio are already waiting`));
    }
    this.#held.push(samples.slice());
    this.#samplesPushed += samples.length;
    // When noise reduction begins, its delay passes without frames.
    const frames = Math.max(0, this.#framesIn(this.#samplesPushed) - this.#framesPromised);
    this.#framesPromised += frames;
    const result = Promise.withResolvers<readonly VoiceFrame[]>();
    this.#pushes.push({ frames, result });
    this.#settle();
    if (this.isDue) this.#host.due(this);
    return result.promise;
  }

  /** Once on, it stays in the path: with strength 0 it only delays. */
  reduceNoise(reduction: NoiseReduction): void {
    this.#reduction = reduction;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = [];
    for (const { frames, result } of this.#pushes.splice(0)) result.resolve(this.#frames.splice(0, frames));
    this.#host.released(this, this.#id);
  }

  /** Whether the unsent audio completes a frame. */
  get isDue(): boolean {
    return this.#framesIn(this.#samplesPushed) > this.#framesIn(this.#samplesSent);
  }

  /** The next samples, at most `MAX_PART_MS`. */
  takePart(): StreamPart {
    const wanted = Math.ceil(this.#samplesIn(MAX_PART_MS));
    const pieces: Int16Array[] = [];
    let length = 0;
    for (let piece = this.#held.shift(); piece; piece = length < wanted ? this.#held.shift() : undefined) {
      const taken = piece.subarray(0, wanted - length);
      pieces.push(taken);
      length += taken.length;
      if (taken.length < piece.length) this.#held.unshift(piece.subarray(taken.length));
    }
    this.#samplesSent += length;
    const samples = concatSamples(pieces);
    return { stream: this.#id, sampleRateHz: this.#sampleRateHz, samples, strength: this.#reduction?.strength };
  }

  answer(part: StreamPart, { frames, reduced }: StreamResult): void {
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
    this.#held = [];
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
