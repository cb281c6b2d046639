/** Conversion of the requests to each kind of engine, and of their answers, to and from a cassette. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { allKinds, type EngineKind, type Engines, forEachKind, type RequestKind } from '../../session/ports/engines.ts';
import type { WorkClaim } from '../../session/ports/work-claim.ts';
import { modelAnswer, transcriptAnswer, voiceAnswer } from './answers.ts';
import type { Manifest } from './format.ts';
import { contextItems, type Json, modelRequest, transcriberRequest, voiceRequest } from './requests.ts';

/** Properties of every request that concern its execution. */
export interface Work {
  readonly signal: AbortSignal;
  readonly claim?: WorkClaim;
}

/** An event of an answer: its samples go to a file, the rest to a line. */
export interface AnswerPart {
  answer: Json;
  clip?: AudioClip | undefined;
  /** Whether it is the final event. */
  last?: boolean;
}

/** One request to record: its content, and how to start it. */
export interface Recording<Event> {
  kind: RequestKind;
  /** Called when the request starts. `clip`: the audio for the engine. */
  request: () => { settings: Json; items?: Json[]; clip?: AudioClip };
  start: () => AsyncIterable<Event>;
  work: Work;
  split: (event: Event) => AnswerPart;
}

/** Starts a request, yields the engine's events, and records both. */
export type RecordRequest = <Event>(recording: Recording<Event>) => AsyncIterable<Event>;

/** Finds the recorded request and yields its answer as events. */
export type PlayRequest = <Event>(
  kind: RequestKind,
  request: Json,
  work: Work,
  join: (part: AnswerPart) => Event,
) => AsyncIterable<Event>;

/** Properties of engines that a player needs before the first request, from the manifest. */
export type EngineTraits = Pick<Manifest, 'voices' | 'hearsAudio' | 'speaks'>;

interface RecordedKind<Engine> {
  record(engine: Engine, record: RecordRequest): Engine;
  play(play: PlayRequest, traits: EngineTraits): Engine;
  traits?(engine: Engine): EngineTraits;
}

const silence: AudioClip = { samples: new Int16Array(0), sampleRateHz: 24_000 };

export const recordedKinds: { readonly [Kind in RequestKind]: RecordedKind<Engines[Kind]> } = {
  transcriber: {
    record: (transcriber, record) => ({
      warm: () => transcriber.warm?.(),
      transcribe: (clip, options) =>
        record({
          kind: 'transcriber',
          request: () => ({ settings: transcriberRequest(clip, options), clip }),
          start: () => transcriber.transcribe(clip, options),
          work: options,
          split: (event) => ({ answer: event, last: event.type === 'done' }),
        }),
    }),
    play: (play) => ({
      transcribe: (clip, options) =>
        play('transcriber', transcriberRequest(clip, options), options, ({ answer }) => transcriptAnswer.parse(answer)),
    }),
  },
  languageModel: {
    record: (model, record) => ({
      ...(model.hearsAudio !== undefined && { hearsAudio: model.hearsAudio }),
      ...(model.speaks !== undefined && { speaks: model.speaks }),
      warm: () => model.warm?.(),
      generate: (request) =>
        record({
          kind: 'languageModel',
          request: () => ({ settings: modelRequest(request), items: contextItems(request.items) }),
          start: () => model.generate(request),
          work: request,
          split(event) {
            if (event.type !== 'audio') return { answer: event, last: event.type === 'finish' };
            const { samples, sampleRateHz, ...answer } = event;
            return { answer, clip: { samples, sampleRateHz } };
          },
        }),
    }),
    play: (play, { hearsAudio, speaks }) => ({
      ...(hearsAudio && { hearsAudio }),
      ...(speaks && { speaks }),
      generate(request) {
        const whole = { ...modelRequest(request), items: contextItems(request.items) };
        return play('languageModel', whole, request, ({ answer, clip = silence }) => {
          const event = modelAnswer.parse(answer);
          return event.type === 'audio' ? { ...event, ...clip } : event;
        });
      },
    }),
    traits: ({ hearsAudio, speaks }) => ({ ...(hearsAudio && { hearsAudio }), ...(speaks && { speaks }) }),
  },
  voice: {
    record: (voice, record) => ({
      ...(voice.voices && { voices: voice.voices }),
      warm: () => voice.warm?.(),
      speak: (text, options) =>
        record({
          kind: 'voice',
          request: () => ({ settings: voiceRequest(text, options) }),
          start: () => voice.speak(text, options),
          work: options,
          split: ({ samples, sampleRateHz, ...answer }) => ({ answer, clip: { samples, sampleRateHz } }),
        }),
    }),
    play: (play, { voices }) => ({
      ...(voices && { voices }),
      speak: (text, options) =>
        play('voice', voiceRequest(text, options), options, ({ answer, clip = silence }) => ({
          ...voiceAnswer.parse(answer),
          ...clip,
        })),
    }),
    traits: ({ voices }) => (voices ? { voices: [...voices] } : {}),
  },
};

/** Engines of other kinds are neither recorded nor played. */
const rows: { readonly [Kind in EngineKind]?: RecordedKind<Engines[Kind]> } = recordedKinds;

/** The same engines, recording every request. */
export function recordEngines(engines: Engines, record: RecordRequest): Engines {
  return forEachKind<Engines>((kind) => rows[kind]?.record(engines[kind], record) ?? engines[kind]);
}

/** Engines that play a cassette, and `others` for the kinds that it does not contain. */
export function playEngines(others: Engines, play: PlayRequest, traits: EngineTraits): Engines {
  return forEachKind<Engines>((kind) => rows[kind]?.play(play, traits) ?? others[kind]);
}

export function engineTraits(engines: Engines): EngineTraits {
  const traitsOf = <Kind extends EngineKind>(kind: Kind) => rows[kind]?.traits?.(engines[kind]);
  return Object.assign({}, ...allKinds.map(traitsOf));
}
