/**
 * A generation: what the engines make of one snapshot of the context. It knows no ids, emits nothing and keeps no
 * state of the conversation, so it may be started before it is known whether it will be used, and dropped
 * without a trace.
 */

import { inspect } from 'node:util';
import { createResampler, type Resampler } from '../audio/resample.ts';
import { Channel } from './channel.ts';
import { ClauseSplitter, isSpeakable } from './clauses.ts';
import type { ContextSnapshot } from './context.ts';
import type { ModelEvent, ModelRequest, ModelUsage, WordTiming } from './ports.ts';
import type { SessionTools } from './settings.ts';
import { StageError, watchStage } from './stage.ts';

export interface GenerationOptions extends Omit<ModelRequest, 'items' | 'signal' | 'spoken'> {
  snapshot: ContextSnapshot;
  /** How it is spoken; absent for an answer in text. */
  speech?: { voice: string; speed: number; sampleRateHz: number };
}

export type GenerationEvent =
  | { type: 'text'; text: string }
  /** A clause is about to be spoken: its audio follows. */
  | { type: 'clause'; text: string }
  | { type: 'audio'; samples: Int16Array; words?: readonly WordTiming[] }
  | Extract<ModelEvent, { type: 'call' | 'call_arguments' | 'call_end' }>
  | { type: 'finish'; reason: 'stop' | 'length' | 'content_filter'; usage: ModelUsage | undefined };

/** When a generation's stages first gave something, on the Clock. */
export interface GenerationTimes {
  startedAt: number;
  firstTokenAt?: number;
  firstAudioAt?: number;
}

export interface Generation extends AsyncIterable<GenerationEvent> {
  readonly snapshot: ContextSnapshot;
  readonly times: Readonly<GenerationTimes>;
  /** Stops every stage at once; iteration ends without an error. */
  abort(): void;
}

/** Clauses that the model may be ahead of the voice. */
const clausesAhead = 8;

/**
 * Starts a generation. Iterate it once: it throws a `StageError` when an engine fails or stalls, and otherwise
 * ends with `finish` unless it was aborted.
 */
export function startGeneration(options: GenerationOptions, tools: SessionTools): Generation {
  const abort = new AbortController();
  const times: GenerationTimes = { startedAt: tools.clock.now() };
  const { snapshot, speech, ...request } = options;
  let silenceTold = false;

  async function* model(): AsyncGenerator<ModelEvent> {
    const generate = () =>
      tools.engines.languageModel.generate({
        ...request,
        items: snapshot.items,
        spoken: speech !== undefined,
        signal: abort.signal,
      });
    let finished = false;
    for await (const event of watch(generate, 'language model')) {
      const fault = faultOf(event);
      if (fault) {
        const told = `The language model failed: it yielded ${fault}. See ModelEvent in ports.ts for the events of a model.`;
        throw new StageError('language model', 'failed', told);
      }
      times.firstTokenAt ??= tools.clock.now();
      finished = event.type === 'finish';
      yield event;
    }
    if (finished || abort.signal.aborted) return;
    throw new StageError('language model', 'failed', 'The language model failed: it ended without finishing.');
  }

  async function* text(): AsyncGenerator<GenerationEvent> {
    for await (const event of model()) yield event.type === 'finish' ? finish(event) : event;
  }

  async function* spoken(speech: NonNullable<GenerationOptions['speech']>): AsyncGenerator<GenerationEvent> {
    const pieces = new Channel<GenerationEvent>(clausesAhead);
    cutIntoClauses(model(), pieces).catch((error: unknown) => pieces.fail(error));
    for await (const piece of pieces) {
      yield piece;
      if (piece.type === 'clause' && isSpeakable(piece.text)) yield* speak(piece.text, speech);
    }
  }

  async function* speak(
    clause: string,
    { voice, speed, sampleRateHz }: NonNullable<GenerationOptions['speech']>,
  ): AsyncGenerator<GenerationEvent> {
    let resampler: Resampler | undefined;
    try {
      const utter = () => tools.engines.voice.speak(clause, { voice, speed, signal: abort.signal });
      for await (const chunk of watch(utter, 'voice')) {
        times.firstAudioAt ??= tools.clock.now();
        resampler ??= await createResampler(chunk.sampleRateHz, sampleRateHz);
        yield { type: 'audio', samples: resampler.push(chunk.samples), ...(chunk.words && { words: chunk.words }) };
      }
      if (abort.signal.aborted) return;
      if (resampler) yield { type: 'audio', samples: resampler.flush() };
      else tellSilence(clause, voice);
    } finally {
      resampler?.free();
    }
  }

  /** Once for each generation: a voice that cannot say one clause can say few of them. */
  function tellSilence(clause: string, voice: string): void {
    if (!silenceTold) tools.log.warn('voice_silent', { voice, characters: clause.length });
    silenceTold = true;
  }

  /** Whoever stops iterating stops every stage. */
  async function* events(): AsyncGenerator<GenerationEvent> {
    try {
      yield* speech ? spoken(speech) : text();
    } finally {
      abort.abort();
    }
  }

  function watch<T>(start: () => AsyncIterable<T>, stage: 'language model' | 'voice') {
    return watchStage(start, { stage, clock: tools.clock, stallMs: tools.settings.limits.stageStallMs, abort });
  }

  return {
    snapshot,
    times,
    abort: () => abort.abort(),
    [Symbol.asyncIterator]: events,
  };
}

/** The string that each event of a model must carry, if any. */
const eventStrings: ReadonlyMap<unknown, string | undefined> = new Map<ModelEvent['type'], string | undefined>([
  ['text', 'text'],
  ['call', 'name'],
  ['call_arguments', 'delta'],
  ['call_end', undefined],
  ['finish', 'reason'],
]);
const finishReasons: readonly unknown[] = ['stop', 'length', 'content_filter'];

/** What is wrong with an event: models are made by others, and not all of them are type-checked. */
function faultOf(event: unknown): string | undefined {
  const show = (value: unknown) =>
    inspect(value, { depth: 0, maxStringLength: 60, breakLength: Infinity }).slice(0, 200);
  if (typeof event !== 'object' || event === null) return `${show(event)} where an event was due`;
  const field = (key: string): unknown => Reflect.get(event, key);
  const type = field('type');
  if (!eventStrings.has(type)) return `an unknown event ${show(type)}`;
  const key = eventStrings.get(type);
  if (key !== undefined && typeof field(key) !== 'string') return `a '${type}' event whose '${key}' is no string`;
  if (type !== 'finish' || finishReasons.includes(field('reason'))) return undefined;
  return `a 'finish' event with the unknown reason ${show(field('reason'))}`;
}

/** Joins the model's words into clauses; calls pass through behind the words before them. */
async function cutIntoClauses(events: AsyncIterable<ModelEvent>, out: Channel<GenerationEvent>): Promise<void> {
  const splitter = new ClauseSplitter();
  const putClauses = async (clauses: readonly string[]) => {
    for (const text of clauses) if (text !== '' && !(await out.put({ type: 'clause', text }))) return;
  };
  for await (const event of events) {
    if (event.type === 'text') {
      await putClauses(splitter.push(event.text));
    } else {
      await putClauses([splitter.flush()]);
      await out.put(event.type === 'finish' ? finish(event) : event);
    }
  }
  out.end();
}

function finish(event: Extract<ModelEvent, { type: 'finish' }>): GenerationEvent {
  return { type: 'finish', reason: event.reason, usage: event.usage };
}
