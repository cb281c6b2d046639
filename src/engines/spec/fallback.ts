/** Selects the first engine that answers, for each request, before anything of its answer was passed on. */

import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Engines, RequestKind } from '../../session/ports/engines.ts';
import type { Warmable } from '../../session/ports/warmable.ts';
import { type EngineEvents, engineOf, type Traits, traitsOf } from '../decorate.ts';
import { EngineError } from '../engine-error.ts';

export interface Candidate<Engine> {
  /** Name in the log. */
  name: string;
  engine: Engine;
}

export interface FallbackListener {
  /** An engine failed and another one replaced it; called once, until it answers again. */
  onFallback?: (change: { from: string; to: string; error: string }) => void;
  /** It answers again. */
  onRecovery?: (change: { name: string }) => void;
  clock: Clock;
}

/** How long an engine that failed is asked last, so that not every turn waits for it. */
const restMs = 30_000;

class FailoverChain<Engine extends Warmable> {
  readonly #candidates: readonly Candidate<Engine>[];
  readonly #listener: FallbackListener;
  readonly #failedAt = new Map<Candidate<Engine>, number>();
  /** Engines whose replacement was reported. */
  readonly #reported = new Set<Candidate<Engine>>();

  constructor(candidates: readonly Candidate<Engine>[], listener: FallbackListener) {
    this.#candidates = candidates;
    this.#listener = listener;
  }

  /** `isAnswer`: whether an event is output rather than a keep-alive. */
  async *answer<Event>(
    start: (engine: Engine) => AsyncIterable<Event>,
    signal: AbortSignal,
    isAnswer: (event: Event) => boolean,
  ): AsyncGenerator<Event, void, undefined> {
    signal.throwIfAborted();
    const order = this.#order();
    for (const [index, candidate] of order.entries()) {
      let answered = false;
      try {
        for await (const event of start(candidate.engine)) {
          if (!answered && isAnswer(event)) {
            this.#noteAnswer(candidate);
            answered = true;
          }
          yield event;
        }
        if (!answered) this.#noteAnswer(candidate);
        return;
      } catch (error) {
        const next = order[index + 1];
        if (signal.aborted) throw signal.reason;
        if (answered) throw error;
        if (!isOverloaded(error)) this.#failedAt.set(candidate, this.#listener.clock.now());
        if (next === undefined) throw error;
        this.#report(candidate, next, error);
      }
    }
  }

  /** Prepares the engine that would be asked now. */
  warm(): void {
    this.#order()[0]?.engine.warm?.();
  }

  #order(): readonly Candidate<Engine>[] {
    const since = this.#listener.clock.now() - restMs;
    const rests = (candidate: Candidate<Engine>) => (this.#failedAt.get(candidate) ?? Number.NEGATIVE_INFINITY) > since;
    return [...this.#candidates.filter((each) => !rests(each)), ...this.#candidates.filter(rests)];
  }

  #noteAnswer(candidate: Candidate<Engine>): void {
    this.#failedAt.delete(candidate);
    if (this.#reported.delete(candidate)) this.#listener.onRecovery?.({ name: candidate.name });
  }

  #report(candidate: Candidate<Engine>, next: Candidate<Engine>, error: unknown): void {
    if (this.#reported.has(candidate)) return;
    this.#reported.add(candidate);
    const detail = messageOf(error);
    this.#listener.onFallback?.({ from: candidate.name, to: next.name, error: detail });
  }
}

/** One client has filled the engine's queue; the engine works for others. */
function isOverloaded(error: unknown): boolean {
  return error instanceof EngineError && error.overloaded;
}

/** Abilities that all have, because it is unknown which one will answer; public if any is; the lists of the first. */
function commonTraits(candidates: readonly Candidate<Traits>[]): Traits {
  const [first = {}, ...others] = candidates.map(({ engine }) => traitsOf(engine));
  const { hearsAudio, speaks, preparesText } = first;
  return {
    ...first,
    hearsAudio: hearsAudio && others.every((traits) => traits.hearsAudio),
    speaks: speaks && others.every((traits) => traits.speaks),
    preparesText: preparesText && others.every((traits) => traits.preparesText),
    isPublic: first.isPublic || others.some((traits) => traits.isPublic),
  };
}

function chained<Kind extends RequestKind>(kind: Kind): Failover<Engines[Kind]> {
  return (candidates, listener) => {
    const chain = new FailoverChain(candidates, listener);
    const isAnswer = (event: EngineEvents[Kind]) => !('type' in event && event.type === 'thinking');
    const traits = { ...commonTraits(candidates), warm: () => chain.warm() };
    return engineOf[kind](traits, ({ send, work }) => chain.answer(send, work.signal, isAnswer));
  };
}

export type Failover<Engine> = (candidates: readonly Candidate<Engine>[], listener: FallbackListener) => Engine;

/** An engine that uses the first of several engines that answers, by kind. */
export const failover: { readonly [Kind in RequestKind]: Failover<Engines[Kind]> } = {
  transcriber: chained('transcriber'),
  languageModel: chained('languageModel'),
  voice: chained('voice'),
};
