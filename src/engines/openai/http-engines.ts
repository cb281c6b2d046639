/** Engines on servers, from what a configuration says of them. */

import type { Clock } from '../../core/clock.ts';
import type { HttpTimeouts } from '../../net/http-exchange.ts';
import type { Engines, RequestKind } from '../../session/ports/engines.ts';
import { type HttpEngineSpec, keyVariable } from '../spec/engine-spec.ts';
import type { AnswerBounds } from './answer-bounds.ts';
import { ChatModel } from './chat-model.ts';
import type { EndpointOptions } from './endpoint.ts';
import { HttpTranscriber } from './http-transcriber.ts';
import { HttpVoice } from './http-voice.ts';

/** What every engine on a server may be given. */
export interface RemoteOptions {
  /** How long a server of models may take. */
  timeouts?: HttpTimeouts;
  /** How much of its answers is read. */
  bounds?: AnswerBounds;
  /** How often it is asked at most while it has said nothing. */
  attempts?: number;
  /** Told once of everything that an engine had to do without, in a sentence. */
  onNotice?: (notice: string) => void;
  clock?: Clock;
}

type Made<Kind extends RequestKind> = Engines[Kind] & { probe?(): Promise<void>; close?(): Promise<void> };

/** By what they are for. */
export const httpFactories: { [Kind in RequestKind]: (spec: HttpEngineSpec, options: RemoteOptions) => Made<Kind> } = {
  transcriber: (spec, options) =>
    new HttpTranscriber({ ...endpoint('transcriber', spec, options), model: spec.model ?? '' }),
  languageModel: (spec, options) =>
    new ChatModel({
      ...endpoint('languageModel', spec, options),
      hearsAudio: spec.audio === 'in' || spec.audio === 'both',
      speaks: spec.audio === 'out' || spec.audio === 'both',
      ...(spec.spokenHint !== undefined && { spokenHint: spec.spokenHint }),
    }),
  voice: (spec, options) =>
    new HttpVoice({
      ...endpoint('voice', spec, options),
      model: spec.model ?? '',
      ...(spec.format && { format: spec.format }),
      ...(spec.sampleRate !== undefined && { pcmRateHz: spec.sampleRate }),
    }),
};

function endpoint(
  kind: RequestKind,
  { url, model, key, keyEnv }: HttpEngineSpec,
  { timeouts, bounds, attempts, onNotice, clock }: RemoteOptions,
): EndpointOptions {
  return {
    url,
    keyHint: keyEnv ?? keyVariable(kind),
    ...(model !== undefined && { model }),
    ...(key !== undefined && { key }),
    ...(timeouts && { timeouts }),
    ...(bounds && { bounds }),
    ...(attempts !== undefined && { attempts }),
    ...(onNotice && { onNotice }),
    ...(clock && { clock }),
  };
}
