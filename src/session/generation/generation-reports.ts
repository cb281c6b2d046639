import type { Clock } from '../../core/clock.ts';

/** The model was asked, yielded something, and its words were first made audible. */
export type GenerationStage = 'model_asked' | 'first_token' | 'first_audio';

type Receiver = (stage: GenerationStage, atMs: number) => void;

/**
 * When the stages of one generation were reached, each once. This waits until the generation is adopted: one that is dropped
 * leaves no trace.
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

  /** Passes on all stages, those reached before first; `atMs` is on the Clock. */
  adopt(receiver: Receiver): void {
    this.#receiver = receiver;
    for (const [stage, atMs] of this.#reached) receiver(stage, atMs);
  }
}
