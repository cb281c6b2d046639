import type { Context } from 'hono';
import { z } from 'zod';
import { durationMs, samplesToBytes } from '../../audio/pcm.ts';
import { createResampler } from '../../audio/resample.ts';
import { wavHeader } from '../../audio/wav.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import { strictCheck } from '../../protocol/parse/schema-check.ts';
import type { SpeechChunk } from '../../session/ports/voice.ts';
import type { ApiEnv } from '../authentication.ts';
import { jsonBody } from '../json-body.ts';
import { type AudioRouteOptions, type EngineRun, startEngine, streamOf } from './streamed.ts';

/** The format of OpenAI's PCM. */
const rateHz = 24_000;
/** The limit of OpenAI's API. */
const maxInput = 4096;

const speechRequest = z.strictObject({
  model: z.string().min(1).max(256),
  input: z.string().max(maxInput),
  voice: z.union([z.string().max(256), z.strictObject({ id: z.string().max(256) })]),
  instructions: z.string().max(maxInput).nullish(),
  response_format: z.enum(['wav', 'pcm']).default('wav'),
  speed: z.number().min(0.25).max(4).default(1),
  stream_format: z.enum(['audio']).default('audio'),
});
const check = strictCheck('ga');

/** `POST /v1/audio/speech` (OpenAI, "Create speech"): WAV or PCM at 24 kHz, streamed. */
export function speechRoute(options: AudioRouteOptions): (context: Context<ApiEnv>) => Promise<Response> {
  return async (context) => {
    const request = check(speechRequest, await jsonBody(context.env.incoming, options.jsonBody));
    const { voice } = options.enginesFor(request.model);
    const name = typeof request.voice === 'string' ? request.voice : request.voice.id;
    if (typeof request.voice === 'string' && voice.voices && !voice.voices.includes(name)) {
      throw wireErrors.invalidValue('voice', name, voice.voices);
    }
    const run: EngineRun<Int16Array> = {
      engine: 'voice',
      model: request.model,
      start: (claimed) =>
        voiceAt(voice.speak(request.input, { voice: name, speed: request.speed, ...claimed }), options.speechMs),
      count: (account, { length }) => account.spoken(durationMs(length, rateHz)),
    };
    const started = await startEngine(context, run, options);
    const wav = request.response_format === 'wav';
    const body = streamOf(started, (samples) => [samplesToBytes(samples)], wav ? [wavHeader(rateHz)] : []);
    return context.body(body, 200, { 'Content-Type': wav ? 'audio/wav' : `audio/pcm;rate=${rateHz}` });
  };
}

/**
 * Speech at the sample rate of the answer.
 * @throws {Error} when it is longer than `speechMs`
 */
async function* voiceAt(
  chunks: AsyncIterable<SpeechChunk>,
  speechMs: number,
): AsyncGenerator<Int16Array, void, undefined> {
  let resampler: Awaited<ReturnType<typeof createResampler>> | undefined;
  let spokenMs = 0;
  try {
    for await (const { samples, sampleRateHz } of chunks) {
      spokenMs += durationMs(samples.length, sampleRateHz);
      if (spokenMs > speechMs) {
        throw new Error(
          `it is longer than ${speechMs / 1000} s (limits.speech-ms). Send less text at a time, or ask for a higher speed`,
        );
      }
      resampler ??= await createResampler(sampleRateHz, rateHz);
      yield resampler.push(samples);
    }
    if (resampler) yield resampler.flush();
  } finally {
    resampler?.free();
  }
}
