/** Conversion of the requests to each kind of engine, and of their answers, to and from a cassette. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { type Engines, type RequestKind, requestKinds } from '../../session/ports/engines.ts';
import { type EngineEvents, type RequestContents, type Traits, traitsOf } from '../decorate.ts';
import { modelAnswer, transcriptAnswer, voiceAnswer } from './answers.ts';
import type { Manifest } from './format.ts';
import { contextItems, followRequest, type Json, modelRequest, transcriberRequest, voiceRequest } from './requests.ts';

export interface RecordedContent {
  settings: Json;
  /** The context of a model. */
  items?: Json[];
  /** The audio for the engine. */
  clip?: AudioClip;
}

/** An event of an answer: its samples go to a file, the rest to a line. */
export interface AnswerPart {
  answer: Json;
  clip?: AudioClip | undefined;
  /** Whether it is the final event. */
  last?: boolean;
}

interface RecordedKind<Kind extends RequestKind> {
  request(content: RequestContents[Kind]): RecordedContent;
  split(event: EngineEvents[Kind], content: RequestContents[Kind]): AnswerPart;
  /** Resolves when the event may follow: the words of an open turn when it has as much audio as it had. */
  reached?(part: AnswerPart, content: RequestContents[Kind]): Promise<void>;
  join(part: AnswerPart): EngineEvents[Kind];
}

const silence: AudioClip = { samples: new Int16Array(0), sampleRateHz: 24_000 };

export const recordedKinds: { readonly [Kind in RequestKind]: RecordedKind<Kind> } = {
  transcriber: {
    request(content) {
      const { options } = content;
      if ('turn' in content) return { settings: followRequest(content.transcription, options) };
      return { settings: transcriberRequest(content.clip, options), clip: content.clip };
    },
    split(event, content) {
      const audioMs = 'turn' in content ? content.turn.durationMs : undefined;
      return { answer: { ...event, audioMs }, last: event.type === 'done' };
    },
    async reached({ answer: { audioMs } }, content) {
      if (!('turn' in content) || typeof audioMs !== 'number') return;
      await content.turn.reaches(audioMs, content.options.signal);
    },
    join: ({ answer }) => transcriptAnswer.parse(answer),
  },
  languageModel: {
    request: (request) => ({ settings: modelRequest(request), items: contextItems(request.items) }),
    split(event) {
      if (event.type !== 'audio') return { answer: { ...event }, last: event.type === 'finish' };
      const { samples, sampleRateHz, ...answer } = event;
      return { answer, clip: { samples, sampleRateHz } };
    },
    join({ answer, clip = silence }) {
      const event = modelAnswer.parse(answer);
      return event.type === 'audio' ? { ...event, ...clip } : event;
    },
  },
  voice: {
    request: ({ text, options }) => ({ settings: voiceRequest(text, options) }),
    split: ({ samples, sampleRateHz, ...answer }) => ({ answer, clip: { samples, sampleRateHz } }),
    join: ({ answer, clip = silence }) => ({ ...voiceAnswer.parse(answer), ...clip }),
  },
};

type RecordedTraits = Pick<
  Manifest,
  | 'voices'
  | 'hearsAudio'
  | 'speaks'
  | 'preparesText'
  | 'transcriptionSettings'
  | 'transcriptionLanguages'
  | 'followsTurns'
>;

/** The traits of engines that a player needs before the first request, for the manifest. */
export function recordedTraits(engines: Engines): RecordedTraits {
  const { voices, hearsAudio, speaks, preparesText } = Object.assign(
    {},
    ...requestKinds.map((kind): Traits => traitsOf(engines[kind])),
  );
  const { settings, languages, follow } = traitsOf(engines.transcriber);
  return {
    ...{ voices, hearsAudio, speaks, preparesText },
    transcriptionSettings: settings && [...settings],
    transcriptionLanguages: languages && [...languages],
    ...(follow && { followsTurns: true }),
  };
}
