import type { Config } from '../../config/config.ts';
import { EngineError } from '../../engines/engine-error.ts';
import { type PoolSurroundings, WorkerPool, workerScript } from '../../engines/pool/worker-pool.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { ClientEventError } from '../../protocol/parse/frame-parser.ts';
import type { CheckSettings } from '../../protocol/parse/leniencies.ts';
import type { CheckNotices } from '../../protocol/parse/schema-check.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import type { ParsedFrame, ParseRequest } from './frame-worker.ts';

export interface FrameSender {
  dialect: Dialect['name'];
  /** Clients share the worker as sessions share an engine. */
  claim: WorkClaim;
  notices: CheckNotices;
}

/**
 * Parses frames that take long in a worker, which starts on first use. Each connection has one frame there at a time.
 */
export class HeavyFrames {
  readonly #checks: CheckSettings;
  readonly #surroundings: PoolSurroundings;
  #pool: WorkerPool<ParseRequest, ParsedFrame> | undefined;

  constructor({ lenient, strict }: Pick<Config, 'lenient' | 'strict'>, surroundings: PoolSurroundings) {
    this.#checks = { lenient, strict };
    this.#surroundings = surroundings;
  }

  /**
   * Parses a frame as the dialect does; its buffer must not be used afterwards.
   * @throws {ClientEventError} when it is not an event of the dialect, or the worker's queue is full
   * @throws {EngineError} when the worker fails
   */
  async parse(frame: Buffer, { dialect, claim, notices }: FrameSender): Promise<ClientEvent> {
    this.#pool ??= new WorkerPool({
      ...this.#surroundings,
      engine: 'Frame parser',
      script: workerScript(import.meta.url, 'frame-worker'),
      size: 1,
    });
    const { bytes, transfer } = transferable(frame);
    const request = { bytes, dialect, checks: this.#checks };
    const parsed = await this.#pool.request(request, { transfer, claim }).catch((error: unknown) => {
      if (error instanceof EngineError && error.overloaded) throw new ClientEventError(wireErrors.overloaded(), null);
      throw error;
    });
    if (parsed.unknownFields.length > 0) notices.dropped(parsed.unknownFields);
    for (const leniency of parsed.leniencies) notices.accepted(leniency);
    if ('event' in parsed) return parsed.event;
    const { message, ...details } = parsed.error;
    // The dialect in the worker has rendered the message.
    throw new ClientEventError(new WireError(message, { ...details, asSent: true }), parsed.clientEventId);
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}

/** The bytes of a frame for a thread; the frame must not be used afterwards. */
export function transferable(frame: Buffer): { bytes: Uint8Array; transfer: ArrayBuffer[] } {
  // Small buffers share an ArrayBuffer with others.
  const bytes = frame.byteLength === frame.buffer.byteLength ? frame : new Uint8Array(frame);
  const { buffer } = bytes;
  return { bytes, transfer: buffer instanceof ArrayBuffer ? [buffer] : [] };
}
