import type { Clock } from '../../session/ports.ts';
import { watchStage } from '../../session/stage.ts';

export interface EngineRun {
  stage: 'transcriber' | 'voice';
  clock: Clock;
  stallMs: number;
}

/** What an engine yields, with its first piece there already: what fails before it can still be told by a status. */
export interface Started<T> {
  first: IteratorResult<T, void>;
  rest: AsyncGenerator<T, void, undefined>;
  stop(): void;
}

/** Starts an engine for one request and waits for its first piece. @throws {StageError} */
export async function startEngine<T>(
  start: (signal: AbortSignal) => AsyncIterable<T>,
  { stage, clock, stallMs }: EngineRun,
  closed: (listener: () => void) => void,
): Promise<Started<T>> {
  const abort = new AbortController();
  closed(() => abort.abort());
  const rest = watchStage(() => start(abort.signal), { stage, clock, stallMs, abort });
  return { first: await rest.next(), rest, stop: () => abort.abort() };
}

/** A body of which each piece is made when the one before it has been sent. Whoever leaves stops the engine. */
export function streamOf<T>(
  { first, rest, stop }: Started<T>,
  encode: (piece: T) => Uint8Array<ArrayBuffer>[],
  {
    before = [],
    after = () => [],
  }: { before?: Uint8Array<ArrayBuffer>[]; after?: () => Uint8Array<ArrayBuffer>[] } = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  async function* pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    yield* before;
    if (!first.done) {
      yield* encode(first.value);
      for await (const piece of rest) yield* encode(piece);
    }
    yield* after();
  }
  const source = pieces();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await source.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  );
}
