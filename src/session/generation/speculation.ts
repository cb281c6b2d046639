import { isDeepStrictEqual } from 'node:util';
import { Channel } from '../../core/channel.ts';
import type { SessionTools } from '../settings.ts';
import {
  type CallEvent,
  type Generation,
  type GenerationEvent,
  type GenerationOptions,
  startGeneration,
} from './generation.ts';
import { PendingAdoption } from './pending-adoption.ts';

/** The requests of a generation to its engines. */
export interface Prompt {
  /** The conversation's version when the context was taken. */
  readonly version: number;
  /** Estimated tokens of the input. */
  readonly inputTokens: number;
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
  readonly #adopted = Promise.withResolvers<void>();
  #text = '';
  #failed = false;

  /** `prepare` resolves with undefined, or rejects, if no request is possible yet. */
  constructor(prepare: (signal: AbortSignal) => Promise<Prompt | undefined>, tools: SessionTools) {
    this.#tools = tools;
    void this.#run(prepare);
  }

  /** Its cost so far in tokens, by estimate; undefined if the model was not asked. */
  get cost(): { inputTokens: number; outputTokens: number } | undefined {
    if (!this.#started) return undefined;
    return { inputTokens: this.#started.inputTokens, outputTokens: this.#tools.tokens.count(this.#text) };
  }

  /** Stops every stage, unless it was adopted or dropped. Returns whether it was stopped. */
  drop(): boolean {
    if (this.#adoption.adopted || this.#abort.signal.aborted) return false;
    this.#stop();
    return true;
  }

  /**
   * The generation, for a response with this prompt. It is adopted if only the turn's own item was added to the
   * conversation in the meantime, and that item, the instructions, the tools and the voice equal those of its requests;
   * otherwise, and if it has failed, the result is undefined.
   */
  adopt({ version, options }: Prompt): Generation | undefined {
    const started = this.#started;
    const fits =
      started !== undefined &&
      !this.#failed &&
      !this.#abort.signal.aborted &&
      version === started.version + 1 &&
      isDeepStrictEqual(options, started.options);
    if (!fits) return undefined;
    this.#adoption.adopt();
    this.#adopted.resolve();
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
      let clauses = 0;
      for await (const event of generation) {
        if (event.type === 'text' || event.type === 'clause' || event.type === 'words') this.#text += event.text;
        if (event.type === 'clause') clauses += 1;
        // The first clause is spoken ahead, so that the answer can begin at once.
        if (clauses > 1) await this.#adopted.promise;
        if (!(await this.#events.put(event))) return;
      }
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
    this.#adopted.resolve();
    this.#started?.generation.abort();
    this.#events.end();
    this.#calls.end();
  }
}
