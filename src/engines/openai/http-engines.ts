/** Creates engines on servers from their configuration. */

import type { Engines, RequestKind } from '../../session/ports/engines.ts';
import type { Lifecycle } from '../spec/engine-group.ts';
import { type HttpEngineSpec, keyVariable } from '../spec/engine-spec.ts';
import { ChatModel, type ChatModelOptions } from './chat-model.ts';
import { HttpTranscriber } from './http-transcriber.ts';
import { HttpVoice } from './http-voice.ts';

/** Options of every engine on a server. */
export type RemoteOptions = Pick<
  ChatModelOptions,
  'timeouts' | 'bounds' | 'adaptationMs' | 'waitsForModel' | 'onLoading' | 'attempts' | 'onNotice' | 'clock'
>;

type Made<Kind extends RequestKind> = Engines[Kind] & Pick<Lifecycle, 'probe' | 'load' | 'close'>;

/** Factories by kind. */
export const httpFactories: { [Kind in RequestKind]: (spec: HttpEngineSpec, options: RemoteOptions) => Made<Kind> } = {
  transcriber: (spec, options) =>
    new HttpTranscriber({ ...endpoint('transcriber', spec, options), model: spec.model ?? '' }),
  languageModel: (spec, options) =>
    new ChatModel({
      ...endpoint('languageModel', spec, options),
      hearsAudio: spec.audio === 'in' || spec.audio === 'both',
      speaks: spec.audio === 'out' || spec.audio === 'both',
    }),
  voice: (spec, options) =>
    new HttpVoice({
      ...endpoint('voice', spec, options),
      model: spec.model ?? '',
      pcmRateHz: spec.sampleRate,
      preparesText: spec.prepare === false,
    }),
};

function endpoint(kind: RequestKind, spec: HttpEngineSpec, options: RemoteOptions) {
  return { ...options, ...spec, keyHint: spec.keyEnv ?? keyVariable(kind) };
}
