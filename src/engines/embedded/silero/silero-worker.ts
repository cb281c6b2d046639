import { workerData } from 'node:worker_threads';
import { createResampler } from '../../../audio/resample.ts';
import { modelPathOf, serveJobs } from '../../pool/worker-jobs.ts';
import { SILERO_RATE_HZ, SileroModel } from './silero-model.ts';
import { SileroWorkerStream } from './silero-stream.ts';

export type SileroRequest =
  | { type: 'push'; stream: number; sampleRateHz: number; samples: Int16Array<ArrayBuffer> }
  | { type: 'close'; stream: number };

/** The probability of each frame that a push completed; nothing for `close`. */
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
