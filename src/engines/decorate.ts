/** Engines that answer their requests by a function: for fallbacks and cassettes, whatever the kind of engine. */

import type { AudioClip } from '../audio/audio-clip.ts';
import { withoutAbsent } from '../core/json.ts';
import { type EngineKind, type Engines, forEachKind, type RequestKind } from '../session/ports/engines.ts';
import type { LanguageModel, ModelEvent, ModelRequest } from '../session/ports/language-model.ts';
import type { OpenTurn, TranscribeOptions, Transcriber, TranscriptEvent } from '../session/ports/transcriber.ts';
import type { SpeakOptions, SpeechChunk, Voice } from '../session/ports/voice.ts';
import type { WorkClaim } from '../session/ports/work-claim.ts';

export interface RequestContents {
  transcriber:
    | { clip: AudioClip; options: TranscribeOptions }
    /** An open turn to follow. `transcription`: the number that its transcription will have, from 1. */
    | { turn: OpenTurn; transcription: number; options: TranscribeOptions };
  languageModel: ModelRequest;
  voice: { text: string; options: SpeakOptions };
}

export interface EngineEvents {
  transcriber: TranscriptEvent;
  languageModel: ModelEvent;
  voice: SpeechChunk;
}

export interface EngineRequest<Kind extends RequestKind> {
  readonly kind: Kind;
  readonly content: RequestContents[Kind];
  /** Properties that concern the execution of a request of any kind. */
  readonly work: { readonly signal: AbortSignal; readonly claim?: WorkClaim };
  /** Sends the same request to an engine. */
  readonly send: (engine: Engines[Kind]) => AsyncIterable<EngineEvents[Kind]>;
}

export type Answer<Kind extends RequestKind> = (request: EngineRequest<Kind>) => AsyncIterable<EngineEvents[Kind]>;
export type AnswerToAny = <Kind extends RequestKind>(request: EngineRequest<Kind>) => AsyncIterable<EngineEvents[Kind]>;

/** The properties of engines that callers read before the first request. */
export type Traits = Omit<Transcriber, 'transcribe'> & Omit<LanguageModel, 'generate'> & Omit<Voice, 'speak'>;

type Make<Kind extends RequestKind> = (traits: Traits, answer: Answer<Kind>) => Engines[Kind];

/** An engine that answers its requests by a function. */
export const engineOf: { readonly [Kind in RequestKind]: Make<Kind> } = {
  transcriber({ follow, ...traits }, answer) {
    let transcriptions = 0;
    const followTurn: Transcriber['follow'] = (turn, options) =>
      answer({
        kind: 'transcriber',
        content: { turn, transcription: transcriptions + 1, options },
        work: options,
        send: (engine) => engine.follow?.(turn, options) ?? noWords(),
      });
    return {
      ...traits,
      ...(follow && { follow: followTurn }),
      transcribe(clip, options) {
        transcriptions += 1;
        return answer({
          kind: 'transcriber',
          content: { clip, options },
          work: options,
          send: (engine) => engine.transcribe(clip, options),
        });
      },
    };
  },
  languageModel: (traits, answer) => ({
    ...traits,
    generate: (request) =>
      answer({ kind: 'languageModel', content: request, work: request, send: (engine) => engine.generate(request) }),
  }),
  voice: (traits, answer) => ({
    ...traits,
    speak: (text, options) =>
      answer({
        kind: 'voice',
        content: { text, options },
        work: options,
        send: (engine) => engine.speak(text, options),
      }),
  }),
};
/** The words of an open turn from a transcriber that follows none. */
export async function* noWords(): AsyncGenerator<never, void, undefined> {}

/** Engines of other kinds do not answer requests. */
const rows: { readonly [Kind in EngineKind]?: (traits: Traits, answer: AnswerToAny) => Engines[Kind] } = engineOf;

/** The same engines, with another answer to each request, and other traits if there are any. */
export function decorate(engines: Engines, answer: AnswerToAny, traits?: Traits): Engines {
  return forEachKind<Engines>((kind) => rows[kind]?.(traits ?? traitsOf(engines[kind]), answer) ?? engines[kind]);
}

/** The traits of an engine, which may be an instance of a class. */
export function traitsOf(engine: object): Traits {
  const own: Traits = engine;
  const { hearsAudio, speaks, preparesText, voices, languages, settings, isPublic } = own;
  const traits = withoutAbsent({ hearsAudio, speaks, preparesText, voices, languages, settings, isPublic });
  return { ...traits, ...(own.follow && { follow: own.follow.bind(own) }), warm: () => own.warm?.() };
}
