import { setImmediate as nextTurn } from 'node:timers/promises';
import { concatSamples } from '../../../audio/pcm.ts';
import {
  quietestDb,
  type VoiceActivityDetector,
  type VoiceActivityStream,
  type VoiceFrame,
} from '../../../session/ports/voice-activity.ts';
import { PooledEngine } from '../../pool/pooled-engine.ts';
import { defaultQueueLimits } from '../../pool/queue-limits.ts';
import { workerScript } from '../../pool/worker-pool.ts';
import { disableOnnxTelemetry } from '../onnx-telemetry.ts';
import { engine, FRAME_VALUES, SileroStream, type StreamPart } from './silero-stream.ts';
import type { SileroAnswer, SileroRequest } from './silero-worker.ts';

/**
 * Silero v5 (or the model of a file) in one worker thread for all streams. The thread gets the audio that all streams
 * have gathered while it worked, in one message, and runs it in batches.
 */
export class Silero extends PooledEngine<SileroRequest, SileroAnswer> implements VoiceActivityDetector {
  readonly reducesNoise = true;
  /** Streams with audio for the worker, longest waiting first. */
  readonly #due = new Set<SileroStream>();
  /** Ended streams whose state the worker still has. */
  #closed: number[] = [];
  #working = false;
  #lastStream = 0;

  constructor({ modelPath }: { modelPath?: string } = {}) {
    disableOnnxTelemetry();
    super({
      engine,
      script: workerScript(import.meta.url, 'silero-worker'),
      size: 1,
      // One batch waits in the pool, and only while the model loads, without a time limit.
      queue: { ...defaultQueueLimits, jobs: 1, waitMs: Number.POSITIVE_INFINITY },
      terminable: false,
      workerData: { modelPath },
    });
  }

  open({ sampleRateHz }: { sampleRateHz: number }): VoiceActivityStream {
    return new SileroStream(sampleRateHz, {
      nextId: () => ++this.#lastStream,
      due: (stream) => {
        this.#due.add(stream);
        this.#schedule();
      },
      released: (stream, id) => {
        this.#due.delete(stream);
        this.#closed.push(id);
        this.#schedule();
      },
    });
  }

  #schedule(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  /** Sends one batch at a time, after the current turn of the event loop has read all sockets. */
  async #work(): Promise<void> {
    await nextTurn();
    while (this.#due.size > 0 || this.#closed.length > 0) await this.#runBatch();
    this.#working = false;
  }

  async #runBatch(): Promise<void> {
    const batch = new Map<SileroStream, StreamPart>();
    for (const stream of this.#due) {
      batch.set(stream, stream.takePart());
      if (!stream.isDue) this.#due.delete(stream);
    }
    const parts = [...batch.values()];
    const samples = concatSamples(parts.map((part) => part.samples));
    const request: SileroRequest = {
      streams: parts.map(({ stream }) => stream),
      sampleRatesHz: parts.map(({ sampleRateHz }) => sampleRateHz),
      lengths: parts.map(({ samples }) => samples.length),
      strengths: parts.map(({ strength }) => strength),
      samples,
      closed: this.#closed,
    };
    this.#closed = [];
    try {
      const answer = await this.pool.request(request, { transfer: [samples.buffer] });
      let [i, frameAt, reducedAt] = [0, 0, 0];
      for (const [stream, part] of batch) {
        const frameEnd = frameAt + (answer.frameCounts[i] ?? 0);
        const reducedEnd = reducedAt + (answer.reducedLengths[i] ?? 0);
        stream.answer(part, framesIn(answer, frameAt, frameEnd), answer.reduced.subarray(reducedAt, reducedEnd));
        frameAt = frameEnd;
        reducedAt = reducedEnd;
        i++;
      }
    } catch (error) {
      for (const [stream, part] of batch) stream.fail(part, error);
    }
  }
}

function framesIn({ frames }: SileroAnswer, from: number, to: number): VoiceFrame[] {
  const read: VoiceFrame[] = [];
  for (let at = from * FRAME_VALUES; at < to * FRAME_VALUES; at += FRAME_VALUES) {
    const [probability, energyDb, pitchHz] = [frames[at] ?? 0, frames[at + 1] ?? quietestDb, frames[at + 2] ?? 0];
    read.push({ probability, energyDb, pitchHz });
  }
  return read;
}
