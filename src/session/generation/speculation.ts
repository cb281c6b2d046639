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

/** What a generation's engines are asked. */
export interface Prompt {
  /** The conversation's version when its context was taken. */
  readonly version: number;
  readonly options: GenerationOptions;
}

/** Events that a generation may be ahead of its adoption. */
const eventsAhead = 32;

/**
 * A generation that is started before it is known whether the turn has ended: from the conversation as it would be with
 * the turn's item. Dropped, it has never been; a response adopts it if it would ask its engines the same.
 */
export class Speculation {
  readonly #tools: SessionTools;
  readonly #abort = new AbortController();
  readonly #adoption = new PendingAdoption();
  readonly #events = new Channel<GenerationEvent>(eventsAhead);
  readonly #calls = new Channel<CallEvent>(eventsAhead);
  #started: (Prompt & { generation: Generation }) | undefined;
  #failed = false;

  /** `prepare` resolves with undefined, or rejects, where nothing can be asked yet. */
  constructor(prepare: (signal: AbortSignal) => Promise<Prompt | undefined>, tools: SessionTools) {
    this.#tools = tools;
    void this.#run(prepare);
  }

  /** Stops every stage, unless it was adopted. */
  drop(): void {
    if (!this.#adoption.adopted) this.#stop();
  }

  /**
   * The generation, for a response with this prompt. It fits if nothing but the turn's own item has come to the
   * conversation since, and if that item, the instructions, the tools and the voice are what the engines were asked with;
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
