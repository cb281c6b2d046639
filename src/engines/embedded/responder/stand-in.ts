import { lastingJson } from '../../../core/json-pieces.ts';
import type {
  ContextItem,
  LanguageModel,
  ModelEvent,
  ModelRequest,
  ModelTool,
} from '../../../session/ports/language-model.ts';
import { PooledEngine } from '../../pool/pooled-engine.ts';
import { type PoolSurroundings, workerScript } from '../../pool/worker-pool.ts';
import type { StandInRequest } from './stand-in-worker.ts';
import { truncate } from './words.ts';

export interface StandInOptions extends PoolSurroundings {
  /** The clock for the time and date (default: the system's). */
  now?: () => Date;
}

/**
 * Maximum items and characters of a conversation that are read, newest first; the limit of characters also applies to
 * instructions.
 */
const MOST_ITEMS = 200;
const MOST_CHARACTERS = 100_000;

/** The embedded stand-in for a language model, in a worker thread: see `Responder`. */
export class StandIn extends PooledEngine<StandInRequest, ModelEvent[]> implements LanguageModel {
  readonly #now: () => Date;

  constructor({ now = () => new Date(), ...surroundings }: StandInOptions = {}) {
    super({
      engine: 'Stand-in model',
      script: workerScript(import.meta.url, 'stand-in-worker'),
      size: 1,
      ...surroundings,
    });
    this.#now = now;
  }

  async *generate(request: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    const { signal, claim, model, instructions, instructionsOfResponse, tools, toolChoice } = request;
    const { parallelToolCalls, maxOutputTokens, spoken } = request;
    const seen: StandInRequest = {
      nowMs: this.#now().getTime(),
      model,
      instructions: truncate(instructions, MOST_CHARACTERS),
      ...(instructionsOfResponse && { instructionsOfResponse }),
      items: newest(request.items),
      tools: tools.map(withJson),
      toolChoice,
      parallelToolCalls,
      maxOutputTokens,
      spoken,
    };
    for await (const events of this.pool.run(seen, { signal, claim })) {
      for (const event of events) {
        signal.throwIfAborted();
        yield event;
      }
    }
  }
}

/** Copying a schema of thousands of properties to a thread blocks the event loop for longer than copying its JSON. */
function withJson({ parameters, ...tool }: ModelTool): StandInRequest['tools'][number] {
  return typeof parameters === 'object' && parameters !== null ? { ...tool, json: lastingJson(parameters) } : tool;
}

/**
 * The end of a conversation, as far as it is read, without images, audio and arguments, because it is copied to a
 * thread.
 */
function newest(items: readonly ContextItem[]): ContextItem[] {
  const seen: ContextItem[] = [];
  let characters = MOST_CHARACTERS;
  const cut = (text: string) => {
    const kept = truncate(text, Math.max(0, characters));
    characters -= kept.length;
    return kept;
  };
  for (const item of items.slice(-MOST_ITEMS).toReversed()) {
    if (characters <= 0) break;
    if (item.type === 'call') seen.push({ ...item, arguments: '' });
    else if (item.type === 'call_output') seen.push({ ...item, output: cut(item.output) });
    else {
      const content = item.content.flatMap((part) => {
        if (part.type === 'text') return { ...part, text: cut(part.text) };
        return part.type === 'image' ? { type: part.type, url: '' } : [];
      });
      seen.push({ ...item, content });
    }
  }
  return seen.toReversed();
}
