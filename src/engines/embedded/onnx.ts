import { InferenceSession, Tensor } from 'onnxruntime-node';

export type Feeds = Record<string, Tensor>;
export type SessionOutputs = Awaited<ReturnType<InferenceSession['run']>>;

/** Loads a model to be run on the calling thread alone: threads of our own are what scales. */
export function loadModel(path: string): Promise<InferenceSession> {
  return InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Warnings of the optimiser about the published models; errors still throw.
    logSeverityLevel: 3,
  });
}

/** @throws {Error} when the model has no such output: it is not the model that was expected. */
export function outputTensor(outputs: SessionOutputs, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor instanceof Tensor) return tensor;
  throw new Error(`the model has no output named ${name}`);
}

/** @throws {Error} when the tensor does not hold float32 values. */
export function floatData(tensor: Tensor): Float32Array {
  if (tensor.data instanceof Float32Array) return tensor.data;
  throw new Error(`the model gave ${tensor.type} where float32 was expected`);
}
