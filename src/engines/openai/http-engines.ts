/** Creates engines on servers from their configuration. */

import type { Clock } from '../../core/clock.ts';
import type { Engines, RequestKind } from '../../session/ports/engines.ts';
import { type HttpEngineSpec, keyVariable } from '../spec/engine-spec.ts';
import type { AnswerBounds } from './answer-bounds.ts';
import { ChatModel, type ChatModelOptions } from './chat-model.ts';
import type { EndpointOptions } from './endpoint.ts';
import { HttpTranscriber } from './http-transcriber.ts';
import { HttpVoice } from './http-voice.ts';
import type { EngineTimeouts } from './timeouts.ts';

/** Options of every engine on a server. */
export interface RemoteOptions {
  /** Time limits of a model server. */
  timeouts?: EngineTimeouts;
  /** Maximum sizes of its answers. */
  bounds?: AnswerBounds;
  /** How long the form of requests that it accepts is remembered. */
  adaptationMs?: number;
  /** Whether to wait for a language model that its server is loading; false: another engine answers. */
  waitsForModel?: boolean;
  /** Called when a server is found to be loading its model, and when that has ended. */
  onLoading?: ChatModelOptions['onLoading'];
  /** Maximum number of attempts before the first output. */
  attempts?: number;
  /** Called once for each adaptation of an engine, with a sentence. */
  onNotice?: (notice: string) => void;
  clock?: Clock;
}

type Made<Kind extends RequestKind> = Engines[Kind] & { probe?(): Promise<void>; close?(): Promise<void> };

/** Factories by kind. */
export const httpFactories: { [Kind in RequestKind]: (spec: HttpEngineSpec, options: RemoteOptions) => Made<Kind> } = {
  transcriber: (spec, options) =>
    new HttpTranscriber({ ...endpoint('transcriber', spec, options), model: spec.model ?? '' }),
  languageModel: (spec, options) =>
    new ChatModel({
      ...endpoint('languageModel', spec, options),
      ...(options.waitsForModel !== undefined && { waitsForModel: options.waitsForModel }),
      ...(options.onLoading && { onLoading: options.onLoading }),
      hearsAudio: spec.audio === 'in' || spec.audio === 'both',
      speaks: spec.audio === 'out' || spec.audio === 'both',
      ...(spec.spokenHint !== undefined && { spokenHint: spec.spokenHint }),
      ...(spec.thinks !== undefined && { thinks: spec.thinks }),
    }),
  voice: (spec, options) =>
    new HttpVoice({
      ...endpoint('voice', spec, options),
      model: spec.model ?? '',
      ...(spec.format && { format: spec.format }),
      ...(spec.sampleRate !== undefined && { pcmRateHz: spec.sampleRate }),
      ...(spec.language !== undefined && { language: spec.language }),
      ...(spec.prepare !== undefined && { preparesText: !spec.prepare }),
    }),
};

function endpoint(
  kind: RequestKind,
  { url, model, key, keyEnv, body, headers }: HttpEngineSpec,
  { timeouts, bounds, attempts, adaptationMs, onNotice, clock }: RemoteOptions,
): EndpointOptions {
  return {
    url,
    keyHint: keyEnv ?? keyVariable(kind),
    ...(model !== undefined && { model }),
    ...(body && { body }),
    ...(headers && { headers }),
    ...(key !== undefined && { key }),
    ...(timeouts && { timeouts }),
    ...(bounds && { bounds }),
    ...(attempts !== undefined && { attempts }),
    ...(adaptationMs !== undefined && { adaptationMs }),
    ...(onNotice && { onNotice }),
    ...(clock && { clock }),
  };
}
