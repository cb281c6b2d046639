import { InferenceSession, Tensor } from 'onnxruntime-node';

export type Feeds = Record<string, Tensor>;
export type SessionOutputs = Awaited<ReturnType<InferenceSession['run']>>;

/**
 * Loads a model that runs on the calling thread only: parallelism comes from our own threads. `expandWeights`:
 * quantized weights that are used as floats are converted when the model is loaded, instead of at each run.
 */
export function loadModel(path: string, { expandWeights = false } = {}): Promise<InferenceSession> {
  return InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Hides the optimizer's warnings about the published models; errors still throw.
    logSeverityLevel: 3,
    ...(expandWeights && { extra: { session: { disable_quant_qdq: '1' } } }),
  });
}

/** @throws {Error} when the model has no such output, because it is not the expected model */
export function outputTensor(outputs: SessionOutputs, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor instanceof Tensor) return tensor;
  throw new Error(`the model has no output named ${name}`);
}

/** @throws {Error} when the tensor does not contain float32 values */
export function floatData(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  throw new Error(`the model returned ${tensor.type} instead of float32`);
}
