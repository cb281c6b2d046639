/** The worker of `BareDetector`: resamples the audio, and runs the model on batches of complete frames. */

import { parentPort } from 'node:worker_threads';
import { createResampler, type Resampler } from '../../src/audio/resample.ts';
import {
  FRAME_SAMPLES,
  MAX_BATCH,
  newSileroState,
  SILERO_RATE_HZ,
  SileroModel,
} from '../../src/engines/embedded/silero/silero-model.ts';
import { wireRateHz } from '../recording.ts';
import type { BareAnswer, BareBatch } from './bare-detector.ts';

interface Stream {
  resampler: Resampler;
  state: ReturnType<typeof newSileroState>;
  /** The incomplete frame and its length. */
  frame: Int16Array;
  length: number;
}

interface Frame {
  id: number;
  frame: Int16Array;
  state: Stream['state'];
}

const model = await SileroModel.load();
const streams = new Map<number, Stream>();

parentPort?.on('message', (batch: BareBatch) => void answer(batch));
parentPort?.postMessage('ready');

async function answer({ ids, lengths, samples, closed }: BareBatch): Promise<void> {
  for (const id of closed) {
    streams.get(id)?.resampler.free();
    streams.delete(id);
  }
  const frames: Frame[] = [];
  let at = 0;
  for (const [i, id] of ids.entries()) {
    const stream = streams.get(id) ?? (await open(id));
    const end = at + (lengths[i] ?? 0);
    fill(stream, stream.resampler.push(samples.subarray(at, end)), (frame) =>
      frames.push({ id, frame, state: stream.state }),
    );
    at = end;
  }
  const probabilities = new Float32Array(frames.length);
  for (let from = 0; from < frames.length; ) {
    const batch = batchFrom(frames, from);
    probabilities.set(await model.probabilities(batch), from);
    from += batch.length;
  }
  const message: BareAnswer = { ids: frames.map(({ id }) => id), probabilities, samples };
  parentPort?.postMessage(message, [probabilities.buffer, samples.buffer]);
}

async function open(id: number): Promise<Stream> {
  const resampler = await createResampler(wireRateHz, SILERO_RATE_HZ, { align: false, quality: 2 });
  const stream = { resampler, state: newSileroState(), frame: new Int16Array(FRAME_SAMPLES), length: 0 };
  streams.set(id, stream);
  return stream;
}

function fill(stream: Stream, samples: Int16Array, complete: (frame: Int16Array) => void): void {
  for (let at = 0; at < samples.length; ) {
    const taken = samples.subarray(at, at + FRAME_SAMPLES - stream.length);
    stream.frame.set(taken, stream.length);
    stream.length += taken.length;
    at += taken.length;
    if (stream.length < FRAME_SAMPLES) return;
    complete(stream.frame);
    stream.frame = new Int16Array(FRAME_SAMPLES);
    stream.length = 0;
  }
}

/** At most `MAX_BATCH` frames, of different streams: each frame needs the state after the previous one. */
function batchFrom(frames: readonly Frame[], from: number): Frame[] {
  const batch: Frame[] = [];
  for (const frame of frames.slice(from, from + MAX_BATCH)) {
    if (batch.some(({ id }) => id === frame.id)) break;
    batch.push(frame);
  }
  return batch;
}
