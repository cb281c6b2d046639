import { existsSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { Tensor } from 'onnxruntime-node';
import { toFloat32 } from '../../../audio/pcm.ts';
import { resample } from '../../../audio/resample.ts';
import { modelPathOf, serveJobs } from '../../pool/worker-jobs.ts';
import { floatData, loadModel, outputTensor } from '../onnx.ts';
import { BANDS, CLIP_SAMPLES, FRAMES, logMel, SMART_TURN_RATE_HZ } from './log-mel.ts';

export interface SmartTurnRequest {
  samples: Int16Array;
  sampleRateHz: number;
}

const INPUT = 'input_features';

void serveJobs<SmartTurnRequest, number>(async () => {
  const path = modelPathOf(workerData) ?? '';
  if (!existsSync(path)) throw new Error(`${path} is missing`);
  const notOne = (why: string) => new Error(`${path} is not a Smart Turn v3 model: ${why}`);
  const model = await loadModel(path).catch((error: unknown) => {
    throw notOne(String(error));
  });
  const [output] = model.outputNames;
  if (!model.inputNames.includes(INPUT) || output === undefined) throw notOne(`it has no input ${INPUT}`);
  const estimate = async (samples: Float32Array): Promise<number> => {
    const features = new Tensor('float32', logMel(samples), [1, BANDS, FRAMES]);
    const [probability] = floatData(outputTensor(await model.run({ [INPUT]: features }), output));
    if (probability === undefined || !(probability >= 0 && probability <= 1)) {
      throw notOne(`its output is no probability`);
    }
    return probability;
  };
  // A model with the same input may fail with these dimensions, or return something else.
  await estimate(new Float32Array(CLIP_SAMPLES)).catch((error: unknown) => {
    throw error instanceof Error && error.message.startsWith(path) ? error : notOne(String(error));
  });
  return async (request, job) => {
    const { samples } = await resample(request, SMART_TURN_RATE_HZ);
    job.send(await estimate(normalised(toFloat32(samples))));
  };
});

/** The last 8 s, with silence before shorter clips; mean 0 and variance 1. */
function normalised(samples: Float32Array): Float32Array {
  const padded = new Float32Array(CLIP_SAMPLES);
  const last = samples.subarray(Math.max(0, samples.length - CLIP_SAMPLES));
  padded.set(last, CLIP_SAMPLES - last.length);
  let mean = 0;
  for (const sample of padded) mean += sample / CLIP_SAMPLES;
  let variance = 0;
  for (const sample of padded) variance += (sample - mean) ** 2 / CLIP_SAMPLES;
  const scale = 1 / Math.sqrt(variance + 1e-7);
  return padded.map((sample) => (sample - mean) * scale);
}
