import type { RawData } from 'ws';
import { EngineError } from '../../engines/engine-error.ts';
import { type PoolSurroundings, WorkerPool, workerScript } from '../../engines/pool/worker-pool.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { ClientEventError, holdsMoreValuesThan } from '../../protocol/parse/frame-parser.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import type { ParsedFrame, ParseRequest } from './frame-worker.ts';

/** A frame up to this size is parsed within a few milliseconds … */
const lightBytes = 256 * 1024;
/** … if it has no more values than these: checking one against its schema can take ten microseconds. */
const lightValues = 2000;

export interface FrameSender {
  dialect: Dialect['name'];
  /** Senders share the thread as sessions share an engine's. */
  claim: WorkClaim;
  onUnknownFields: (fields: string[]) => void;
}

/** Parses frames that take long, in a thread that is started for the first of them. Each connection has one at a time. */
export class HeavyFrames {
  readonly #lenient: boolean;
  readonly #surroundings: PoolSurroundings;
  #pool: WorkerPool<ParseRequest, ParsedFrame> | undefined;

  constructor({ lenient }: { lenient: boolean }, surroundings: PoolSurroundings) {
    this.#lenient = lenient;
    this.#surroundings = surroundings;
  }

  /**
   * Parses a frame as the dialect does; its buffer must not be used afterwards.
   * @throws {ClientEventError} when it is no event of the dialect, or too many frames wait for the thread
   * @throws {EngineError} when the thread fails
   */
  async parse(frame: Buffer, { dialect, claim, onUnknownFields }: FrameSender): Promise<ClientEvent> {
    this.#pool ??= new WorkerPool({
      ...this.#surroundings,
      engine: 'Frame parser',
      script: workerScript(import.meta.url, 'frame-worker'),
      size: 1,
    });
    // Small buffers share their memory with others.
    const bytes = frame.byteLength === frame.buffer.byteLength ? frame : new Uint8Array(frame);
    const { buffer } = bytes;
    const transfer = buffer instanceof ArrayBuffer ? [buffer] : [];
    const request = { bytes, dialect, lenient: this.#lenient };
    const parsed = await this.#pool.request(request, { transfer, claim }).catch((error: unknown) => {
      if (error instanceof EngineError && error.overloaded) throw new ClientEventError(wireErrors.overloaded(), null);
      throw error;
    });
    if (parsed.unknownFields.length > 0) onUnknownFields(parsed.unknownFields);
    if ('event' in parsed) return parsed.event;
    const { message, ...details } = parsed.error;
    // The thread's dialect has worded it.
    throw new ClientEventError(new WireError(message, { ...details, asSent: true }), parsed.clientEventId);
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}

/** Whether a frame takes so long to parse that it is left to `HeavyFrames`. */
export function isHeavy(frame: RawData): frame is Buffer {
  if (!Buffer.isBuffer(frame) || frame.length <= lightValues) return false;
  return frame.length > lightBytes || holdsMoreValuesThan(lightValues, frame.toString());
}
