/**
 * A generation: the output of the engines for one snapshot of the context. It assigns no ids, does not emit, log or
 * reserve anything, and does not change the conversation, so it can be started speculatively and dropped
 * (`speculation.ts`).
 */

import { durationMs } from '../../audio/pcm.ts';
import { createResampler, type Resampler } from '../../audio/resample.ts';
import { abandoned } from '../../core/abort.ts';
import { Channel } from '../../core/channel.ts';
import { EventLoopYield } from '../../core/event-loop-yield.ts';
import type { RequestKind } from '../ports/engines.ts';
import type { ModelEvent, ModelRequest, ModelUsage } from '../ports/language-model.ts';
import type { WordTiming } from '../ports/voice.ts';
import type { Adoption, WorkClaim } from '../ports/work-claim.ts';
import type { SessionTools } from '../settings.ts';
import { type SpokenWord, timingsBefore, wordsOf } from '../speech/mapped-text.ts';
import { isSpeakable, type SpeechClause, SpeechText } from '../speech/speech-text.ts';
import { textBounds } from '../speech/text-bounds.ts';
import { StageError, watchStage } from '../stage.ts';
import { AnswerOutcome } from './answer-outcome.ts';
import { GenerationReports } from './generation-reports.ts';
import { ModelAudio } from './model-audio.ts';
import { faultOf } from './model-fault.ts';
import { ModelWords } from './model-words.ts';
import { type CheckedEvent, ToolCallCheck } from './tool-call-check.ts';
import { type GenerationItem, type GenerationTool, type GenerationToolChoice, ToolNames } from './tool-names.ts';

export interface GenerationOptions
  extends Omit<ModelRequest, 'claim' | 'signal' | 'speech' | 'spoken' | 'tools' | 'toolChoice' | 'items'> {
  tools: readonly GenerationTool[];
  toolChoice: GenerationToolChoice;
  items: readonly GenerationItem[];
  /** How to speak the answer; absent for an answer in text. */
  speech?: { voice: string; speed: number; sampleRateHz: number };
}

export type GenerationEvent =
  | { type: 'text'; text: string }
  /** A clause is about to be spoken; its audio follows. `words`: the words of its text that are spoken. */
  | { type: 'clause'; text: string; words: readonly SpokenWord[] }
  /**
   * Text of a model that produces audio itself: it continues the current message, and precedes or accompanies its
   * audio.
   */
  | { type: 'words'; text: string }
  | { type: 'audio'; samples: Int16Array; words?: readonly WordTiming[] }
  /** The voice produced no audio for a clause; reported once per generation. */
  | { type: 'voice_silent'; voice: string; characters: number }
  /** With speech: the model has made a call at this point. The words that follow belong to another message. */
  | { type: 'call_made' }
  | CallEvent
  /** `failure`: why an answer that the model ended by itself is not complete. */
  | {
      type: 'finish';
      reason: 'stop' | 'length' | 'content_filter';
      usage: ModelUsage | undefined;
      failure: StageError | undefined;
    };

/** `behindWords`, of a call beside speech: whether it follows text. */
export type CallEvent =
  | (Extract<CheckedEvent, { type: 'call' }> & { behindWords?: boolean })
  | Extract<ModelEvent, { type: 'call_arguments' | 'call_end' }>;

export interface Generation extends AsyncIterable<GenerationEvent> {
  readonly reports: Pick<GenerationReports, 'adopt'>;
  /**
   * With speech, the calls: they do not wait for the speech before them. Iterate it once, in parallel with the events.
   */
  readonly calls: AsyncIterable<CallEvent>;
  /** Whether the model has ended, so that only speech is outstanding. */
  readonly modelEnded: boolean;
  /** Whether the model has answered with its own audio. */
  readonly spokeItself: boolean;
  /** Stops every stage immediately; iteration ends without an error. */
  abort(): void;
}

/** Text to speak, audio of the model, and the events between them. */
type Piece =
  | Exclude<GenerationEvent, { type: 'audio' | 'clause' | 'finish' }>
  | Extract<ModelEvent, { type: 'audio' | 'finish' }>
  | { type: 'clause'; clause: SpeechClause };

/**
 * Starts a generation. Iterate it once: it throws a `StageError` when an engine fails or stalls, and otherwise
 * ends with `finish` unless it was aborted. `adoption`: for a speculative one.
 */
export function startGeneration(options: GenerationOptions, tools: SessionTools, adoption?: Adoption): Generation {
  const abort = new AbortController();
  const reports = new GenerationReports(tools.clock);
  const { speech, ...request } = options;
  const outcome = new AnswerOutcome(options);
  let voiceSilent = false;
  let modelEnded = false;
  const calls = new Channel<CallEvent>(textBounds.waitingCallEvents);

  async function* model(): AsyncGenerator<CheckedEvent> {
    const { languageModel } = tools.engines;
    const names = new ToolNames(request);
    const check = new ToolCallCheck(names);
    const words = new ModelWords();
    const engineNamed = names.forEngine();
    const others = new EventLoopYield();
    const speaks = speech !== undefined && (languageModel.speaks ?? false);
    const generate = (claim: WorkClaim) =>
      languageModel.generate({
        ...request,
        ...engineNamed,
        spoken: speech !== undefined,
        ...(speaks && { speech: { voice: speech.voice, speed: speech.speed } }),
        claim,
        signal: abort.signal,
      });
    let begun = false;
    let finished = false;
    for await (const event of watch(generate, 'languageModel')) {
      const fault = faultOf(event, { mayBeAudio: speaks });
      if (fault) {
        const message = `The language model failed: it yielded ${fault}. See ModelEvent in session/ports/language-model.ts for the events of a model.`;
        throw new StageError('languageModel', 'failed', message);
      }
      if (event.type === 'thinking') continue;
      reports.reached('first_token');
      // Its connection is open by the time of the first clause.
      if (!begun && speech && event.type === 'text') tools.engines.voice.warm?.();
      begun = true;
      if (event.type === 'audio' && event.samples.length > 0) reports.reached('first_audio');
      finished = event.type === 'finish';
      if (event.type === 'text') {
        for (const text of words.read(event.text)) {
          await others.step();
          if (text !== '') yield outcome.read({ type: 'text', text });
        }
        continue;
      }
      const rest = words.end();
      if (rest !== '') yield outcome.read({ type: 'text', text: rest });
      outcome.leftOut = words.leftOut;
      const ended = event.type === 'finish' && event.reason === 'stop';
      const written = ended && !outcome.called ? words.calls(engineNamed) : [];
      for (const each of [...written, event].flatMap((each) => check.check(each))) yield outcome.read(each);
    }
    if (finished || abort.signal.aborted) return;
    throw new StageError('languageModel', 'failed', 'The language model failed: it ended without finishing.');
  }

  async function* text(): AsyncGenerator<GenerationEvent> {
    for await (const event of model()) yield event.type === 'finish' ? finish(event) : event;
  }

  async function* spoken(speech: NonNullable<GenerationOptions['speech']>): AsyncGenerator<GenerationEvent> {
    const prepare = !(tools.engines.voice.preparesText ?? false);
    const pieces = new Channel<Piece>(textBounds.waiting, weightOf);
    cutIntoClauses(model(), { speechText: new SpeechText({ prepare }), out: pieces, calls })
      .then(() => {
        modelEnded = true;
      })
      .catch((error: unknown) => pieces.fail(error))
      .finally(() => calls.end());
    const audio = new ModelAudio(speech.sampleRateHz);
    const others = new EventLoopYield();
    try {
      for await (const piece of pieces) {
        // A model may output much at once that does not involve the voice.
        await others.step();
        if (piece.type === 'audio') {
          if (piece.transcript !== '') yield { type: 'words', text: piece.transcript };
          for await (const samples of audio.push(piece)) yield { type: 'audio', samples };
        } else {
          for (const samples of audio.flush()) yield { type: 'audio', samples };
          if (piece.type === 'clause') yield* sayClause(piece.clause, speech);
          else yield piece.type === 'finish' ? finish(piece) : piece;
        }
      }
    } finally {
      audio.free();
    }
  }

  async function* sayClause(
    { text, spoken }: SpeechClause,
    speech: NonNullable<GenerationOptions['speech']>,
  ): AsyncGenerator<GenerationEvent> {
    yield { type: 'clause', text, words: wordsOf(spoken) };
    if (isSpeakable(spoken.text)) yield* speak(spoken, speech);
  }

  async function* speak(
    spoken: SpeechClause['spoken'],
    { voice, speed, sampleRateHz }: NonNullable<GenerationOptions['speech']>,
  ): AsyncGenerator<GenerationEvent> {
    const clause = spoken.text;
    let resampler: Resampler | undefined;
    try {
      const utter = (claim: WorkClaim) =>
        tools.engines.voice.speak(clause, { voice, speed, claim, signal: abort.signal });
      let sounded = false;
      for await (const chunk of watch(utter, 'voice')) {
        sounded ||= chunk.samples.length > 0;
        reports.reached('first_audio');
        resampler ??= await createResampler(chunk.sampleRateHz, sampleRateHz);
        const words = chunk.words && { words: timingsBefore(spoken, chunk.words) };
        yield { type: 'audio', samples: resampler.push(chunk.samples), ...words };
      }
      if (abort.signal.aborted) return;
      outcome.spoke(clause, sounded);
      if (sounded && resampler) yield { type: 'audio', samples: resampler.flush() };
      else if (!voiceSilent) {
        voiceSilent = true;
        yield { type: 'voice_silent', voice, characters: clause.length };
      }
    } finally {
      resampler?.free();
    }
  }

  function finish({ reason, usage }: Extract<ModelEvent, { type: 'finish' }>): GenerationEvent {
    return { type: 'finish', reason, usage, failure: reason === 'stop' ? outcome.failure : undefined };
  }

  /** Leaving the iteration stops every stage. */
  async function* events(): AsyncGenerator<GenerationEvent> {
    try {
      if (!speech) calls.end();
      yield* speech ? spoken(speech) : text();
    } finally {
      abort.abort(abandoned);
      calls.end();
    }
  }

  function watch<T>(start: (claim: WorkClaim) => AsyncIterable<T>, kind: RequestKind) {
    const priority = adoption && !adoption.adopted ? 'speculation' : 'live';
    const claimed = (onWait: WorkClaim['onWait']) => start({ ...tools.claim, priority, adoption, onWait });
    return watchStage(claimed, { kind, clock: tools.clock, stallMs: tools.settings.limits.stageStallMs, abort });
  }

  reports.reached('model_asked');
  return {
    reports,
    calls,
    get modelEnded() {
      return modelEnded;
    },
    get spokeItself() {
      return outcome.spokeItself;
    },
    abort: () => {
      abort.abort(abandoned);
      calls.end();
    },
    [Symbol.asyncIterator]: events,
  };
}

function weightOf(piece: Piece): number {
  if (piece.type === 'clause') return piece.clause.text.length;
  return piece.type === 'audio' ? durationMs(piece.samples.length, piece.sampleRateHz) : 1;
}

/** Joins the model's words into clauses, followed by its own audio; calls are passed separately. */
async function cutIntoClauses(
  events: AsyncIterable<CheckedEvent>,
  { speechText, out, calls }: { speechText: SpeechText; out: Channel<Piece>; calls: Channel<CallEvent> },
): Promise<void> {
  let behindWords = false;
  const putClauses = async (clauses: readonly SpeechClause[]) => {
    for (const clause of clauses) {
      behindWords = true;
      if (!(await out.put({ type: 'clause', clause }))) return;
    }
  };
  for await (const event of events) {
    switch (event.type) {
      case 'text':
        await putClauses(speechText.push(event.text));
        break;
      case 'call':
        await putClauses(speechText.flush());
        await calls.put({ ...event, behindWords });
        await out.put({ type: 'call_made' });
        break;
      case 'call_arguments':
      case 'call_end':
        await calls.put(event);
        break;
      default:
        await putClauses(speechText.flush());
        behindWords ||= event.type === 'audio' && event.transcript !== '';
        await out.put(event);
    }
  }
  out.end();
}
