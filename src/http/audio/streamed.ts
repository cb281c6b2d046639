import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { AudioAccount, AudioRequestStatus, Metering } from '../../metering/metering.ts';
import { accessErrors } from '../../protocol/errors/access-errors.ts';
import { type AudioRequestEngine, type Engines, engineKinds } from '../../session/ports/engines.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import { watchStage } from '../../session/stage.ts';
import type { ApiEnv } from '../authentication.ts';
import type { BodyLimits } from '../body.ts';
import { HttpRefusal } from '../refusal.ts';

/** Dependencies of the audio routes. */
export interface AudioRouteOptions {
  /** The engines for a client's model name. */
  enginesFor: (model: string) => Engines;
  metering: Pick<Metering, 'openAudioAccount'>;
  clock: Clock;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  jsonBody: BodyLimits;
  uploadBody: BodyLimits;
  /** Maximum duration of an upload. */
  uploadMs: number;
  /** Maximum wait for the next piece of an answer. */
  stallMs: number;
  /** Maximum audio of one answer. */
  speechMs: number;
}

/** One request to an engine. */
export interface EngineRun<T> {
  engine: AudioRequestEngine;
  /** The client's name for the model. */
  model: string;
  start: (options: { signal: AbortSignal; claim: WorkClaim }) => AsyncIterable<T>;
  /** Adds a piece to the account. */
  count: (account: AudioAccount, piece: T) => void;
}

/** The output of an engine, with its first piece available: an earlier failure can still be reported by a status. */
export interface StartedStream<T> {
  first: IteratorResult<T, void>;
  rest: AsyncGenerator<T, void, undefined>;
  stop(): void;
  /** Destroys the connection, so that a partial answer is not mistaken for a complete one. */
  breakOff(): void;
}

/**
 * Starts an engine for one request and waits for its first piece. The engine stops when the client leaves.
 * @throws {HttpRefusal} when the key has used its tokens of the minute
 * @throws {StageError}
 */
export async function startEngine<T>(
  context: Context<ApiEnv>,
  run: EngineRun<T>,
  { metering, clock, log, stallMs }: AudioRouteOptions,
): Promise<StartedStream<T>> {
  const { engine, model } = run;
  const kind = engineKinds[engine].audioRequest;
  const { owner } = context.get('caller');
  const account = metering.openAudioAccount({ kind, model, owner });
  const refusal = await account.refusal();
  if (refusal) throw new HttpRefusal(429, accessErrors.keyLimit(refusal.message), refusal.retryAfterMs);

  const abort = new AbortController();
  const about = { kind, model: model.slice(0, 128), key: owner.keyName, project: owner.project };
  const requestClaim = { key: owner.keyName ?? '', session: randomUUID(), priority: 'upload' } as const;
  const start = (onWait: WorkClaim['onWait']) =>
    run.start({ signal: abort.signal, claim: { ...requestClaim, onWait } });
  const pieces = watchStage(start, { kind: engine, clock, stallMs, abort });
  async function* accounted(): AsyncGenerator<T, void, undefined> {
    let status: AudioRequestStatus = 'cancelled';
    try {
      for await (const piece of pieces) {
        run.count(account, piece);
        yield piece;
      }
      if (!abort.signal.aborted) status = 'completed';
    } catch (error) {
      status = 'failed';
      log.error('audio_request_failed', { ...about, error });
      throw error;
    } finally {
      log.info('audio_request_done', { ...about, status, ...account.end(status) });
    }
  }
  const rest = accounted();
  const stop = () => {
    abort.abort();
    void rest.return();
  };
  const { outgoing } = context.env;
  outgoing.once('close', stop);
  const first = rest.next();
  // The client may have disconnected while the limits of its key were read.
  if (outgoing.closed) stop();
  return { first: await first, rest, stop, breakOff: () => outgoing.destroy() };
}

/** A body whose pieces are produced as they are sent. The engine stops when the client leaves. */
export function streamOf<T>(
  { first, rest, stop, breakOff }: StartedStream<T>,
  encode: (piece: T) => Uint8Array<ArrayBuffer>[],
  before: Uint8Array<ArrayBuffer>[] = [],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  async function* pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    yield* before;
    if (first.done) return;
    yield* encode(first.value);
    for await (const piece of rest) yield* encode(piece);
  }
  const source = pieces();
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch {
          // Already logged; Hono would write it to the console.
          breakOff();
          controller.close();
        }
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  );
}
