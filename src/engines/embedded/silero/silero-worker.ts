import { workerData } from 'node:worker_threads';
import { createNoiseReducer, type NoiseReducer } from '../../../audio/noise-reducer.ts';
import { concatSamples, rmsDbfs } from '../../../audio/pcm.ts';
import { PitchEstimator } from '../../../audio/pitch.ts';
import { createResampler, type Resampler } from '../../../audio/resample.ts';
import { quietestDb } from '../../../session/ports/voice-activity.ts';
import { modelPathOf, serveJobs } from '../../pool/worker-jobs.ts';
import { FRAME_SAMPLES, MAX_BATCH, newSileroState, SILERO_RATE_HZ, SileroModel } from './silero-model.ts';
import { FRAME_VALUES } from './silero-stream.ts';

/** The next audio of several streams, each at most once, and the streams that have ended. */
export interface SileroRequest {
  /** The ids, sample rates and numbers of samples of the streams. */
  streams: number[];
  sampleRatesHz: number[];
  lengths: number[];
  /** The strength of noise reduction, 0…1; undefined where it was never on. */
  strengths: (number | undefined)[];
  /** The samples of all streams, in the same order. */
  samples: Int16Array<ArrayBuffer>;
  closed: number[];
}

/** The results of all streams, in the same order. Copying an object per frame between threads would cost more. */
export interface SileroAnswer {
  /** The numbers of frames of the streams. */
  frameCounts: number[];
  /** Of each frame, `FRAME_VALUES` values: probability, energyDb and pitchHz of a `VoiceFrame`. */
  frames: Float64Array<ArrayBuffer>;
  /** The numbers of samples with reduced noise of the streams. */
  reducedLengths: number[];
  reduced: Int16Array<ArrayBuffer>;
}

void serveJobs<SileroRequest, SileroAnswer>(async () => {
  const model = await SileroModel.load(modelPathOf(workerData));
  const streams = new Map<number, WorkerStream>();

  const streamOf = async (id: number, sampleRateHz: number) => {
    const stream = streams.get(id) ?? new WorkerStream(await createResampler(sampleRateHz, SILERO_RATE_HZ, live));
    streams.set(id, stream);
    return stream;
  };

  return async ({ streams: ids, sampleRatesHz, lengths, samples, closed, strengths }) => {
    for (const id of closed) {
      streams.get(id)?.free();
      streams.delete(id);
    }
    const fed: WorkerStream[] = [];
    let at = 0;
    for (const [i, id] of ids.entries()) {
      const stream = await streamOf(id, sampleRatesHz[i] ?? SILERO_RATE_HZ);
      const end = at + (lengths[i] ?? 0);
      await stream.add(samples.subarray(at, end), strengths[i]);
      fed.push(stream);
      at = end;
    }
    await processFrames(model, fed);
    return answerOf(fed.map((stream) => stream.takeResult()));
  };
});

function answerOf(results: readonly StreamResult[]): SileroAnswer {
  return {
    frameCounts: results.map(({ frames }) => frames.length / FRAME_VALUES),
    frames: Float64Array.from(results.flatMap(({ frames }) => frames)),
    reducedLengths: results.map(({ reduced }) => reduced.length),
    reduced: concatSamples(results.map(({ reduced }) => reduced)),
  };
}

/** Voice activity needs the frequencies of speech, not transparency, and a frame must not wait for the next chunk. */
const live = { align: false, quality: 2 };

/** The pitch of frames below this probability of speech is not estimated. */
const PITCH_PROBABILITY = 0.1;

/** Processes all complete frames: the first of each stream, then the second of each, in batches. */
async function processFrames(model: SileroModel, streams: readonly WorkerStream[]): Promise<void> {
  let ready = streams.filter((stream) => stream.hasFrame);
  while (ready.length > 0) {
    for (let at = 0; at < ready.length; at += MAX_BATCH) {
      const batch = ready.slice(at, at + MAX_BATCH);
      const probabilities = await model.probabilities(
        batch.map((stream) => ({ frame: stream.takeFrame(), state: stream.state })),
      );
      for (const [i, stream] of batch.entries()) stream.finishFrame(probabilities[i] ?? 0);
    }
    ready = ready.filter((stream) => stream.hasFrame);
  }
}

interface StreamResult {
  frames: readonly number[];
  reduced: Int16Array;
}

const noSamples = new Int16Array(0);

/** One stream in the worker: its rate, its unprocessed samples, and the model's state. */
class WorkerStream {
  readonly state = newSileroState();
  readonly #resampler: Resampler;
  readonly #pitch = new PitchEstimator(SILERO_RATE_HZ, FRAME_SAMPLES);
  #reducer: NoiseReducer | undefined;
  /** Audio for the next frames, at the model's rate. */
  #samples: Int16Array = noSamples;
  #frame = this.#samples;
  /** The results of the current request: the values of its frames. */
  #frames: number[] = [];
  #reduced: Int16Array = noSamples;

  constructor(resampler: Resampler) {
    this.#resampler = resampler;
  }

  async add(samples: Int16Array, strength: number | undefined): Promise<void> {
    const { fromHz } = this.#resampler;
    if (strength !== undefined) this.#reducer ??= await createNoiseReducer(fromHz);
    if (this.#reducer) {
      this.#reducer.strength = strength ?? 0;
      this.#reduced = this.#reducer.push(samples);
    }
    const input = this.#reducer ? this.#reduced : samples;
    this.#samples = concatSamples([this.#samples, this.#resampler.push(input)]);
  }

  get hasFrame(): boolean {
    return this.#samples.length >= FRAME_SAMPLES;
  }

  takeFrame(): Int16Array {
    this.#frame = this.#samples.subarray(0, FRAME_SAMPLES);
    this.#samples = this.#samples.subarray(FRAME_SAMPLES);
    return this.#frame;
  }

  /** Takes the model's probability for the frame taken last. */
  finishFrame(probability: number): void {
    this.#pitch.push(this.#frame);
    const energyDb = Math.max(quietestDb, rmsDbfs(this.#frame));
    const pitchHz = probability < PITCH_PROBABILITY ? 0 : this.#pitch.estimate();
    this.#frames.push(probability, energyDb, pitchHz);
  }

  takeResult(): StreamResult {
    const result = { frames: this.#frames, reduced: this.#reduced };
    this.#frames = [];
    this.#reduced = noSamples;
    return result;
  }

  free(): void {
    this.#reducer?.free();
    this.#resampler.free();
  }
}
