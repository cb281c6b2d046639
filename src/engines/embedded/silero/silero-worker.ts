import { workerData } from 'node:worker_threads';
import { concatSamples } from '../../../audio/pcm.ts';
import { createResampler, type Resampler } from '../../../audio/resample.ts';
import { modelPathOf, serveJobs } from '../../pool/worker-jobs.ts';
import { FRAME_SAMPLES, SILERO_RATE_HZ, SileroModel, type SileroState } from './silero-model.ts';

export type SileroRequest =
  | { type: 'push'; stream: number; sampleRateHz: number; samples: Int16Array<ArrayBuffer> }
  | { type: 'close'; stream: number };

/** The probability of each frame that a push completed; empty for `close`. */
export type SileroAnswer = Float32Array<ArrayBuffer>;

void serveJobs<SileroRequest, SileroAnswer>(async () => {
  const model = await SileroModel.load(modelPathOf(workerData));
  const streams = new Map<number, Promise<SileroWorkerStream>>();

  return async (request, job) => {
    if (request.type === 'close') {
      const stream = await streams.get(request.stream);
      streams.delete(request.stream);
      await stream?.close();
      return;
    }
    let opening = streams.get(request.stream);
    if (!opening) {
      opening = createResampler(request.sampleRateHz, SILERO_RATE_HZ, { align: false }).then(
        (resampler) => new SileroWorkerStream(model, resampler),
      );
      streams.set(request.stream, opening);
    }
    const probabilities = await (await opening).push(request.samples);
    job.send(probabilities);
  };
});

/** One stream in the worker: its rate, its incomplete frame, and the model's state. */
export class SileroWorkerStream {
  readonly #model: SileroModel;
  readonly #resampler: Resampler;
  readonly #state: SileroState;
  #rest: Int16Array = new Int16Array(0);
  /** Resolves when the accepted pushes are done: those of one stream run sequentially. */
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(model: SileroModel, resampler: Resampler) {
    this.#model = model;
    this.#resampler = resampler;
    this.#state = model.newState();
  }

  /** The probabilities of the frames that these samples complete; fewer if the stream is closed in the meantime. */
  push(samples: Int16Array): Promise<Float32Array<ArrayBuffer>> {
    const probabilities = this.#tail.then(() => this.#process(samples));
    this.#tail = probabilities.catch(() => {});
    return probabilities;
  }

  /** Aborts pending work. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    this.#resampler.free();
  }

  /**
   * Every inference waits for a turn of the event loop, so streams alternate frame by frame, and a minute
   * of audio in one push does not delay the others.
   */
  async #process(samples: Int16Array): Promise<Float32Array<ArrayBuffer>> {
    if (this.#closed) return new Float32Array(0);
    const audio = concatSamples([this.#rest, this.#resampler.push(samples)]);
    const probabilities: number[] = [];
    let at = 0;
    for (; at + FRAME_SAMPLES <= audio.length && !this.#closed; at += FRAME_SAMPLES) {
      probabilities.push(await this.#model.probability(audio.subarray(at, at + FRAME_SAMPLES), this.#state));
    }
    this.#rest = audio.slice(at);
    return Float32Array.from(probabilities);
  }
}
