import { isDeepStrictEqual } from 'node:util';
import { Channel } from '../../core/channel.ts';
import type { Adoption } from '../ports/work-claim.ts';
import type { SessionTools } from '../settings.ts';
import {
  type CallEvent,
  type Generation,
  type GenerationEvent,
  type GenerationOptions,
  startGeneration,
} from './generation.ts';

/** The requests of a generation to its engines. */
export interface Prompt {
  /** The conversation's version when the context was taken. */
  readonly version: number;
  readonly options: GenerationOptions;
}

/** Maximum events of a generation before its adoption. */
const eventsAhead = 32;

/**
 * A generation that is started before it is certain that the turn has ended, from the conversation including the turn's
 * item. A response adopts it if its requests to the engines would be the same; otherwise it is dropped without effects.
 */
export class Speculation {
  readonly #tools: SessionTools;
  readonly #abort = new AbortController();
  readonly #adoption = new PendingAdoption();
  readonly #events = new Channel<GenerationEvent>(eventsAhead);
  readonly #calls = new Channel<CallEvent>(eventsAhead);
  #started: (Prompt & { generation: Generation }) | undefined;
  #failed = false;

  /** `prepare` resolves with undefined, or rejects, if no request is possible yet. */
  constructor(prepare: (signal: AbortSignal) => Promise<Prompt | undefined>, tools: SessionTools) {
    this.#tools = tools;
    void this.#run(prepare);
  }

  /** Stops every stage, unless it was adopted. */
  drop(): void {
    if (!this.#adoption.adopted) this.#stop();
  }

  /**
   * The generation, for a response with this prompt. It is adopted if only the turn's own item was added to the
   * conversation in the meantime, and that item, the instructions, the tools and the voice equal those of its requests;
   * otherwise, and if it has failed, it is dropped.
   */
  adopt({ version, options }: Prompt): Generation | undefined {
    const started = this.#started;
    const fits =
      started !== undefined &&
      !this.#failed &&
      !this.#abort.signal.aborted &&
      version === started.version + 1 &&
      isDeepStrictEqual(options, started.options);
    if (!fits) {
      this.drop();
      return undefined;
    }
    this.#adoption.adopt();
    const { generation } = started;
    return {
      reports: generation.reports,
      calls: this.#calls,
      get modelEnded() {
        return generation.modelEnded;
      },
      get spokeItself() {
        return generation.spokeItself;
      },
      abort: () => this.#stop(),
      [Symbol.asyncIterator]: () => this.#events[Symbol.asyncIterator](),
    };
  }

  async #run(prepare: (signal: AbortSignal) => Promise<Prompt | undefined>): Promise<void> {
    const { signal } = this.#abort;
    try {
      const prompt = await prepare(signal);
      if (!prompt || signal.aborted) return;
      const generation = startGeneration(prompt.options, this.#tools, this.#adoption);
      this.#started = { ...prompt, generation };
      void this.#takeCalls(generation);
      for await (const event of generation) if (!(await this.#events.put(event))) return;
      this.#events.end();
    } catch (error) {
      this.#failed = true;
      this.#events.fail(error);
      this.#calls.end();
    }
  }

  async #takeCalls({ calls }: Generation): Promise<void> {
    for await (const event of calls) if (!(await this.#calls.put(event))) return;
    this.#calls.end();
  }

  #stop(): void {
    this.#abort.abort();
    this.#started?.generation.abort();
    this.#events.end();
    this.#calls.end();
  }
}

class PendingAdoption implements Adoption {
  #adopted = false;
  readonly #waiting: (() => void)[] = [];

  get adopted(): boolean {
    return this.#adopted;
  }

  whenAdopted(act: () => void): void {
    if (this.#adopted) act();
    else this.#waiting.push(act);
  }

  adopt(): void {
    this.#adopted = true;
    for (const act of this.#waiting.splice(0)) act();
  }
}
