import type { Clock } from '../../core/clock.ts';

/** The model was called; it yielded its first event; the first audio of its answer is ready. */
export type GenerationStage = 'model_asked' | 'first_token' | 'first_audio';

type Receiver = (stage: GenerationStage, atMs: number) => void;

/**
 * The time of each stage of one generation. Reports are held until the generation is adopted, so that a dropped one
 * has no effect.
 */
export class GenerationReports {
  readonly #clock: Clock;
  readonly #reached = new Map<GenerationStage, number>();
  #receiver: Receiver | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  reached(stage: GenerationStage): void {
    if (this.#reached.has(stage)) return;
    const atMs = this.#clock.now();
    this.#reached.set(stage, atMs);
    this.#receiver?.(stage, atMs);
  }

  /** Reports all stages, including those already reached; `atMs` is on the Clock. */
  adopt(receiver: Receiver): void {
    this.#receiver = receiver;
    for (const [stage, atMs] of this.#reached) receiver(stage, atMs);
  }
}
