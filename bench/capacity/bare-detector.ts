/** Voice activity for the bare limit: the minimum between the sockets and a model that runs in batches. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { FRAME_SAMPLES, SILERO_RATE_HZ } from '../../src/engines/embedded/silero/silero-model.ts';

/** The audio of all streams that arrived while the worker was busy, and the streams that have ended. */
export interface BareBatch {
  /** The streams' ids and numbers of samples, in the order of the samples. A stream may occur several times. */
  ids: number[];
  lengths: number[];
  samples: Int16Array<ArrayBuffer>;
  closed: number[];
}

/** The completed frames: the ids of their streams, and the probabilities. */
export interface BareAnswer {
  ids: number[];
  probabilities: Float32Array<ArrayBuffer>;
  /** The memory of the batch, to be used again. */
  samples: Int16Array<ArrayBuffer>;
}

export interface BareTurns {
  began(): void;
  ended(audioEndMs: number): void;
}

const frameMs = (1000 * FRAME_SAMPLES) / SILERO_RATE_HZ;
const threshold = 0.5;
const framesToStart = 3;
/** The silence that ends a turn, in whole frames. */
export const silenceMs = 16 * frameMs;
const initialSamples = 256 * 1024;

export class BareDetector {
  readonly #worker: Worker;
  readonly #streams = new Map<number, BareStream>();
  #batch = emptyBatch();
  #length = 0;
  /** Memory for the next batch. */
  #spare = new Int16Array(initialSamples);
  #working = false;
  #lastId = 0;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: BareAnswer) => this.#take(answer));
  }

  static async start(): Promise<BareDetector> {
    const worker = new Worker(new URL('./bare-detector-worker.ts', import.meta.url));
    await once(worker, 'message');
    return new BareDetector(worker);
  }

  open(turns: BareTurns): BareStream {
    const id = ++this.#lastId;
    const stream = new BareStream(turns, {
      push: (base64) => this.#push(id, base64),
      close: () => {
        this.#streams.delete(id);
        this.#batch.closed.push(id);
      },
    });
    this.#streams.set(id, stream);
    return stream;
  }

  /** Decodes the audio into the batch. */
  #push(id: number, base64: string): void {
    const batch = this.#batch;
    const roomFor = (base64.length * 3) / 8;
    if (this.#length + roomFor > batch.samples.length) {
      const larger = new Int16Array(2 * (this.#length + roomFor));
      larger.set(batch.samples);
      batch.samples = larger;
    }
    const { buffer } = batch.samples;
    const samples = Buffer.from(buffer).write(base64, 2 * this.#length, 'base64') / 2;
    batch.ids.push(id);
    batch.lengths.push(samples);
    this.#length += samples;
    if (this.#working) return;
    this.#working = true;
    setImmediate(() => this.#send());
  }

  #send(): void {
    const batch = this.#batch;
    this.#batch = emptyBatch(this.#spare);
    this.#length = 0;
    this.#worker.postMessage(batch, [batch.samples.buffer]);
  }

  #take({ ids, probabilities, samples }: BareAnswer): void {
    this.#spare = samples;
    for (const [i, id] of ids.entries()) this.#streams.get(id)?.heard(probabilities[i] ?? 0);
    if (this.#length > 0) this.#send();
    else this.#working = false;
  }
}

function emptyBatch(samples = new Int16Array(initialSamples)): BareBatch {
  return { ids: [], lengths: [], samples, closed: [] };
}

/** The audio of one connection. */
export class BareStream {
  readonly push: (base64: string) => void;
  readonly close: () => void;
  readonly #turns: BareTurns;
  #frames = 0;
  #voicedInRow = 0;
  /** The last voiced frame of the current turn. */
  #voicedTo: number | undefined;

  constructor(turns: BareTurns, { push, close }: { push: (base64: string) => void; close: () => void }) {
    this.#turns = turns;
    this.push = push;
    this.close = close;
  }

  heard(probability: number): void {
    this.#frames += 1;
    const voiced = probability >= threshold;
    if (this.#voicedTo === undefined) {
      this.#voicedInRow = voiced ? this.#voicedInRow + 1 : 0;
      if (this.#voicedInRow < framesToStart) return;
      this.#voicedInRow = 0;
      this.#voicedTo = this.#frames;
      this.#turns.began();
    } else if (voiced) {
      this.#voicedTo = this.#frames;
    } else if ((this.#frames - this.#voicedTo) * frameMs >= silenceMs) {
      this.#voicedTo = undefined;
      this.#turns.ended(this.#frames * frameMs);
    }
  }
}
