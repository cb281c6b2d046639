import { concatSamples } from '../../../audio/pcm.ts';
import type { VoiceActivityDetector, VoiceActivityStream } from '../../../session/ports/voice-activity.ts';
import { EngineError } from '../../engine-error.ts';
import { WorkerPool, workerScript } from '../../pool/worker-pool.ts';
import { disableOnnxTelemetry } from '../onnx-telemetry.ts';
import type { SileroAnswer, SileroRequest } from './silero-worker.ts';

const ENGINE = 'Silero voice activity';
const FRAME_MS = 32;
/** Maximum audio of a stream that waits for its probabilities. */
const MAX_WAITING_MS = 30 * 60_000;
/** Pushes wait in the pool only while the model loads, without a time limit. */
const queue = { jobs: 8192, waitMs: Number.POSITIVE_INFINITY };

/** Silero v5 (or the model of a file) in one worker thread for all streams: a frame of 32 ms takes about 0.15 ms. */
export class Silero implements VoiceActivityDetector {
  readonly ready: Promise<void>;
  readonly #pool: WorkerPool<SileroRequest, SileroAnswer>;
  #lastStream = 0;

  constructor({ modelPath }: { modelPath?: string } = {}) {
    disableOnnxTelemetry();
    this.#pool = new WorkerPool({
      engine: ENGINE,
      script: workerScript(import.meta.url, 'silero-worker'),
      size: 1,
      jobsPerWorker: Number.POSITIVE_INFINITY,
      queue,
      terminable: false,
      workerData: { modelPath },
    });
    this.ready = this.#pool.ready;
  }

  open({ sampleRateHz }: { sampleRateHz: number }): VoiceActivityStream {
    return new SileroStream(this.#pool, sampleRateHz, () => {
      this.#lastStream += 1;
      return this.#lastStream;
    });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

class SileroStream implements VoiceActivityStream {
  readonly frameMs = FRAME_MS;
  readonly #pool: WorkerPool<SileroRequest, SileroAnswer>;
  readonly #sampleRateHz: number;
  readonly #nextStream: () => number;
  #stream: number;
  /** Samples that do not complete a frame yet, to save a message. */
  #held: Int16Array[] = [];
  #samplesPushed = 0;
  #framesAsked = 0;
  #waitingMs = 0;
  /** Settles with the last push. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(pool: WorkerPool<SileroRequest, SileroAnswer>, sampleRateHz: number, nextStream: () => number) {
    this.#pool = pool;
    this.#sampleRateHz = sampleRateHz;
    this.#nextStream = nextStream;
    this.#stream = nextStream();
  }

  /** After `close()`, also for the pushes that it interrupted, there are fewer frames or none. */
  push(samples: Int16Array): Promise<Float32Array> {
    if (this.#closed) return Promise.resolve(new Float32Array(0));
    const ms = (samples.length * 1000) / this.#sampleRateHz;
    if (this.#waitingMs + ms > MAX_WAITING_MS) {
      return Promise.reject(new EngineError(ENGINE, `${MAX_WAITING_MS / 60_000} minutes of audio are already waiting`));
    }
    this.#held.push(samples.slice());
    this.#samplesPushed += samples.length;
    const frames = Math.floor((this.#samplesPushed * 1000) / (this.#sampleRateHz * FRAME_MS));
    const previous = this.#last;
    const result = frames === this.#framesAsked ? previous.then(() => new Float32Array(0)) : this.#ask(ms);
    this.#framesAsked = frames;
    this.#last = result.catch(() => {});
    return result;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = [];
    if (this.#samplesPushed === 0) return;
    // The stream's state is lost if the thread has failed.
    this.#pool
      .run({ type: 'close', stream: this.#stream })
      .next()
      .catch(() => {});
  }

  async #ask(ms: number): Promise<Float32Array> {
    const stream = this.#stream;
    const samples = concatSamples(this.#held);
    this.#held = [];
    this.#waitingMs += ms;
    try {
      const request: SileroRequest = { type: 'push', stream, sampleRateHz: this.#sampleRateHz, samples };
      // Small buffers are faster to copy than to transfer.
      return await this.#pool.request(request, { transfer: samples.byteLength > 65_536 ? [samples.buffer] : [] });
    } catch (error) {
      if (this.#closed) return new Float32Array(0);
      this.#startOver(stream);
      throw error;
    } finally {
      this.#waitingMs -= ms;
    }
  }

  /** The stream's state was lost with the thread; the next push starts a new stream. */
  #startOver(lost: number): void {
    if (this.#stream !== lost) return;
    this.#stream = this.#nextStream();
    this.#held = [];
    this.#samplesPushed = 0;
    this.#framesAsked = 0;
  }
}
