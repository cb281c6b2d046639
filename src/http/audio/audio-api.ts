/**
 * The engines over REST: `/v1/audio/transcriptions` and `/v1/audio/speech` as in OpenAI's API, and lists of models and
 * voices.
 */

import { type Context, Hono, type MiddlewareHandler } from 'hono';
import type { Callers } from '../../access/callers.ts';
import { audioErrors } from '../../protocol/errors/audio-errors.ts';
import { httpErrors } from '../../protocol/errors/http-errors.ts';
import { StageError } from '../../session/stage.ts';
import { type ApiEnv, authenticate } from '../authentication.ts';
import { HttpRefusal } from '../refusal.ts';
import type { RequestSlots } from './request-slots.ts';
import { speechRoute } from './speech-route.ts';
import type { AudioRouteOptions } from './streamed.ts';
import { transcriptionRoute } from './transcription-route.ts';

export interface AudioApiOptions extends AudioRouteOptions {
  callers: Callers;
  /** Model names for sessions, the default first. */
  models: readonly string[];
  /** Voices that the operator configured. */
  voices: readonly string[];
  /** Names of the engines. */
  engineNames: () => { transcriber: string; voice: string };
  /** Bounds concurrent audio requests. */
  slots: RequestSlots;
}

/** Start time of the server, reported as the creation time of its models. */
const startedAt = Math.floor(Date.now() / 1000);
const busyRetryMs = 1000;

export function createAudioApi(options: AudioApiOptions): Hono<ApiEnv> {
  const { callers, enginesFor, models, voices, engineNames, slots } = options;
  const api = new Hono<ApiEnv>();
  const key = authenticate(callers);
  const atOnce = limitRequests(slots);
  const [usual = ''] = models;

  api.post('/v1/audio/transcriptions', key, atOnce, transcriptionRoute(options));
  api.post('/v1/audio/speech', key, atOnce, speechRoute(options));

  const voiceList = () => {
    const { voice } = enginesFor(usual);
    const names = [...new Set([...voices, ...(voice.voices ?? [])])];
    return names.map((name) => ({ id: name, name, languages: voice.languages }));
  };
  const modelList = () => {
    const { transcriber, voice } = enginesFor(usual);
    const names = engineNames();
    const spoken = voiceList().map(({ id }) => id);
    return [
      ...models.map((id) => model(id, { task: 'realtime' })),
      model(names.transcriber, { task: 'automatic-speech-recognition', languages: transcriber.languages }),
      model(names.voice, {
        task: 'text-to-speech',
        languages: voice.languages,
        ...(spoken.length > 0 && { voices: spoken }),
      }),
    ];
  };
  api.onError((error) => {
    if (!(error instanceof StageError)) throw error;
    if (error.overloaded) throw new HttpRefusal(503, httpErrors.overloaded(error.forClients), busyRetryMs);
    throw new HttpRefusal(500, audioErrors.engineFailed(error.forClients));
  });
  api.get('/v1/audio/voices', key, (context) => context.json({ object: 'list', voices: voiceList() }));
  api.get('/v1/models', key, (context) => context.json({ object: 'list', data: modelList() }));
  api.get('/v1/models/:id', key, (context: Context<ApiEnv>) => {
    const id = context.req.param('id') ?? '';
    const found = modelList().find((each) => each.id === id);
    if (found === undefined) throw new HttpRefusal(404, audioErrors.unknownModel(id));
    return context.json(found);
  });
  return api;
}

function model<More extends object>(id: string, more: More) {
  return { id, object: 'model', created: startedAt, owned_by: 'parley', ...more };
}

/** Holds a slot until the response is complete; refuses the request if none is free. */
function limitRequests(slots: RequestSlots): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const slot = slots.take(context.get('caller').owner.keyName);
    if (slot === 'full') throw new HttpRefusal(503, audioErrors.tooManyRequests(slots.count), busyRetryMs);
    if (slot === 'share') throw new HttpRefusal(429, audioErrors.tooManyOfKey(slots.count), busyRetryMs);
    // A streamed response continues after its route has returned.
    context.env.outgoing.once('close', slot);
    try {
      await next();
    } finally {
      if (context.env.outgoing.closed) slot();
    }
  };
}
