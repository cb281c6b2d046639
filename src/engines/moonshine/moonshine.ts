import { availableParallelism } from 'node:os';
import type { AudioClip, TranscribeOptions, Transcriber, TranscriptEvent } from '../../session/ports.ts';
import { WorkerPool, workerScript } from '../worker-pool.ts';
import type { MoonshineRequest } from './moonshine-worker.ts';

export interface MoonshineOptions {
  /** Worker threads, each with its own copy of the model (default: one less than the cores, 1 to 4). */
  workers?: number;
}

const QUEUE_LIMIT = 256;

/** Moonshine tiny in worker threads: English speech, whatever the language asked for. */
export class Moonshine implements Transcriber {
  readonly ready: Promise<void>;
  readonly #pool: WorkerPool<MoonshineRequest, TranscriptEvent>;

  constructor({ workers = Math.min(4, Math.max(1, availableParallelism() - 1)) }: MoonshineOptions = {}) {
    this.#pool = new WorkerPool({
      engine: 'Moonshine transcriber',
      script: workerScript(import.meta.url, 'moonshine-worker'),
      size: workers,
      queueLimit: QUEUE_LIMIT,
    });
    this.ready = this.#pool.ready;
  }

  transcribe(clip: AudioClip, { signal }: TranscribeOptions): AsyncIterable<TranscriptEvent> {
    return this.#pool.run({ samples: clip.samples, sampleRateHz: clip.sampleRateHz }, { signal });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
