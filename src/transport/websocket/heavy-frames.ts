import type { RawData } from 'ws';
import { WorkerPool, workerScript } from '../../engines/pool/worker-pool.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { WireError } from '../../protocol/errors/wire-errors.ts';
import { ClientEventError, holdsMoreValuesThan } from '../../protocol/parse/frame-parser.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { ParsedFrame, ParseRequest } from './frame-worker.ts';

/** A frame up to this size is parsed within a few milliseconds … */
const lightBytes = 256 * 1024;
/** … if it has no more values than these: checking one against its schema can take ten microseconds. */
const lightValues = 2000;

/** Parses frames that take long, in a thread that is started for the first of them. Each connection has one at a time. */
export class HeavyFrames {
  readonly #lenient: boolean;
  #pool: WorkerPool<ParseRequest, ParsedFrame> | undefined;

  constructor({ lenient }: { lenient: boolean }) {
    this.#lenient = lenient;
  }

  /**
   * Parses a frame as the dialect does; its buffer must not be used afterwards.
   * @throws {ClientEventError} when it is no event of the dialect
   * @throws {EngineError} when the thread fails
   */
  async parse(
    frame: Buffer,
    dialect: Dialect['name'],
    onUnknownFields: (fields: string[]) => void,
  ): Promise<ClientEvent> {
    this.#pool ??= new WorkerPool({
      engine: 'Frame parser',
      script: workerScript(import.meta.url, 'frame-worker'),
      size: 1,
    });
    // Small buffers share their memory with others.
    const bytes = frame.byteLength === frame.buffer.byteLength ? frame : new Uint8Array(frame);
    const { buffer } = bytes;
    const transfer = buffer instanceof ArrayBuffer ? [buffer] : [];
    const parsed = await this.#pool.request({ bytes, dialect, lenient: this.#lenient }, { transfer });
    if (parsed.unknownFields.length > 0) onUnknownFields(parsed.unknownFields);
    if ('event' in parsed) return parsed.event;
    const { message, ...details } = parsed.error;
    throw new ClientEventError(new WireError(message, details), parsed.clientEventId);
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
