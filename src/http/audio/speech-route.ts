import type { Context } from 'hono';
import { z } from 'zod';
import { concatSamples, durationMs, samplesToBytes } from '../../audio/pcm.ts';
import { createResampler } from '../../audio/resample.ts';
import { wavHeader, writeWav } from '../../audio/wav.ts';
import { settleWithin } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import { audioErrors } from '../../protocol/errors/audio-errors.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import { strictCheck } from '../../protocol/parse/schema-check.ts';
import type { SpeechChunk } from '../../session/ports/voice.ts';
import { isSpeakable, preparedText } from '../../session/speech/speech-text.ts';
import type { ApiEnv } from '../authentication.ts';
import { jsonBody } from '../json-body.ts';
import { type AudioRouteOptions, type EngineRun, type StartedStream, startEngine, streamOf } from './streamed.ts';

/** The format of OpenAI's PCM. */
const rateHz = 24_000;
/** Maximum wait, and maximum samples, before a WAV file is sent without a known length. */
const collectMs = 100;
const mostCollected = 30 * rateHz;
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

/**
 * `POST /v1/audio/speech` (OpenAI, "Create speech"): WAV or PCM at 24 kHz, streamed unless it is complete immediately.
 */
export function speechRoute(options: AudioRouteOptions): (context: Context<ApiEnv>) => Promise<Response> {
  return async (context) => {
    const request = check(speechRequest, await jsonBody(context.env.incoming, options.jsonBody));
    const { voice } = options.enginesFor(request.model);
    const name = typeof request.voice === 'string' ? request.voice : request.voice.id;
    if (typeof request.voice === 'string' && voice.voices && !voice.voices.includes(name)) {
      throw wireErrors.invalidValue('voice', name, voice.voices);
    }
    const words = voice.preparesText ? request.input : preparedText(request.input).text;
    if (!isSpeakable(words)) throw audioErrors.nothingToSpeak();
    const run: EngineRun<Int16Array> = {
      engine: 'voice',
      model: request.model,
      start: (claimed) =>
        voiceAt(voice.speak(words, { voice: name, speed: request.speed, ...claimed }), options.speechMs),
      count: (account, { length }) => account.spoken(durationMs(length, rateHz)),
    };
    const started = await startEngine(context, run, options);
    if (started.first.done && !context.env.outgoing.closed) {
      options.log.warn('voice_silent', { voice: name, characters: words.length });
      throw audioErrors.noAudio();
    }
    const encode = (samples: Int16Array) => [samplesToBytes(samples)];
    if (request.response_format === 'pcm') {
      return context.body(streamOf(started, encode), 200, { 'Content-Type': `audio/pcm;rate=${rateHz}` });
    }
    const wav = { 'Content-Type': 'audio/wav' };
    const { pieces, remaining } = await collect(started, options.clock);
    if (remaining !== undefined) return context.body(streamOf(remaining, encode, [wavHeader(rateHz)]), 200, wav);
    return context.body(writeWav({ samples: concatSamples(pieces), sampleRateHz: rateHz }), 200, wav);
  };
}

/**
 * Waits a moment for the end of the speech, so that the header of a WAV file can state its length. `remaining` is the
 * whole stream if it has not ended by then.
 */
async function collect(
  stream: StartedStream<Int16Array>,
  clock: Clock,
): Promise<{ pieces: Int16Array[]; remaining?: StartedStream<Int16Array> }> {
  const { first, rest } = stream;
  const pieces: Int16Array[] = [];
  const deadline = clock.now() + collectMs;
  let collected = 0;
  let next: Promise<IteratorResult<Int16Array, void>> = Promise.resolve(first);
  while (collected < mostCollected && (await settleWithin(next, deadline - clock.now(), clock))) {
    const { done, value } = await next;
    if (done) return { pieces };
    pieces.push(value);
    collected += value.length;
    next = rest.next();
  }
  // Its rejection is handled when it is read.
  next.catch(() => {});
  async function* all(): AsyncGenerator<Int16Array, void, undefined> {
    yield* pieces;
    const { done, value } = await next;
    if (done) return;
    yield value;
    yield* rest;
  }
  const replayed = all();
  return { pieces, remaining: { ...stream, first: await replayed.next(), rest: replayed } };
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
      const piece = resampler.push(samples);
      if (piece.length > 0) yield piece;
    }
    if (resampler && spokenMs > 0) yield resampler.flush();
  } finally {
    resampler?.free();
  }
}
