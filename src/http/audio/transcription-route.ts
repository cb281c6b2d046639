import type { Context } from 'hono';
import { z } from 'zod';
import type { AudioClip } from '../../audio/audio-clip.ts';
import { concatInTurns, durationMs } from '../../audio/pcm.ts';
import { WavError, WavReader } from '../../audio/wav-reader.ts';
import { audioErrors } from '../../protocol/errors/audio-errors.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import { strictCheck } from '../../protocol/parse/schema-check.ts';
import { roundedTranscriptionUsage } from '../../protocol/wire/usage.ts';
import { blankMarkers } from '../../session/input/speech-markers.ts';
import type { TranscriptEvent } from '../../session/ports/transcriber.ts';
import type { ApiEnv } from '../authentication.ts';
import { HttpRefusal } from '../refusal.ts';
import { type AudioRouteOptions, type EngineRun, type StartedStream, startEngine, streamOf } from './streamed.ts';
import { segmentsOf, subRip, verboseTranscript, webVtt } from './transcript-formats.ts';
import { receiveForm } from './upload-form.ts';

const transcriptionRequest = z.strictObject({
  model: z.string().min(1).max(256),
  language: z.string().max(16).optional(),
  prompt: z.string().max(10_000).optional(),
  response_format: z.enum(['json', 'text', 'verbose_json', 'srt', 'vtt']).default('json'),
  timestamp_granularities: z.enum(['segment']).optional(),
  stream: z.enum(['true', 'false']).default('false'),
  include: z.enum(['logprobs']).optional(),
  temperature: z.string().max(16).optional(),
});
const check = strictCheck('ga');

type Done = Extract<TranscriptEvent, { type: 'done' }>;

/**
 * `POST /v1/audio/transcriptions` (OpenAI, "Create transcription") of a WAV file: JSON, text, or a stream of events.
 */
export function transcriptionRoute(options: AudioRouteOptions): (context: Context<ApiEnv>) => Promise<Response> {
  return async (context) => {
    const { clip, fields } = await uploadIn(context, options);
    const request = check(transcriptionRequest, fields);
    if (clip === undefined) throw wireErrors.missingParameter('file');
    const { language, prompt, include } = request;
    const { transcriber } = options.enginesFor(request.model);
    const run: EngineRun<TranscriptEvent> = {
      engine: 'transcriber',
      model: request.model,
      start: (claimed) =>
        stopAfterDone(
          blankMarkers(
            transcriber.transcribe(clip, {
              ...(language && { language }),
              ...(prompt && { prompt }),
              ...(include && { logprobs: true }),
              ...claimed,
            }),
          ),
        ),
      count: (account, event) => {
        if (event.type === 'done') account.transcriptionUsed(usageOf(event, clip));
      },
    };
    const started = await startEngine(context, run, options);
    if (request.stream === 'true') {
      const body = streamOf(started, (event) => eventBytes(event, clip));
      return context.body(body, 200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    }
    const events = await eventsOf(started);
    const done = events.findLast((event) => event.type === 'done');
    // The client has disconnected.
    if (done === undefined) return context.body(null, 400);
    const seconds = durationMs(clip.samples.length, clip.sampleRateHz) / 1000;
    const segments = segmentsOf(events, done.text, seconds);
    if (request.response_format === 'text') return context.text(`${done.text}\n`);
    if (request.response_format === 'srt') return context.text(subRip(segments));
    if (request.response_format === 'vtt') return context.text(webVtt(segments));
    const [only, ...others] = transcriber.languages ?? [];
    const spoken = language ?? (others.length === 0 ? only : undefined);
    return context.json({
      ...(request.response_format === 'verbose_json' &&
        verboseTranscript({ text: done.text, language: spoken, seconds, segments })),
      text: done.text,
      ...(include && done.logprobs && { logprobs: done.logprobs }),
      usage: roundedTranscriptionUsage(usageOf(done, clip)),
    });
  };
}

/** The clip is undefined if the form has no file. */
async function uploadIn(
  context: Context<ApiEnv>,
  { uploadBody, uploadMs }: AudioRouteOptions,
): Promise<{ clip: AudioClip | undefined; fields: Record<string, string> }> {
  const type = context.req.header('content-type') ?? '';
  if (!/^multipart\/form-data/i.test(type)) {
    throw new HttpRefusal(415, audioErrors.notAForm());
  }
  const wav = new WavReader();
  const parts: Int16Array[] = [];
  let length = 0;
  let hasFile = false;
  const takeFile = (piece: Buffer) => {
    hasFile = true;
    const samples = readable(() => wav.push(piece));
    length += samples.length;
    if (samples.length > 0) parts.push(samples);
    if (durationMs(length, wav.sampleRateHz ?? 1) > uploadMs) throw audioErrors.audioTooLong(uploadMs);
  };
  const fields = await receiveForm(context.env.incoming, uploadBody, { fileName: 'file', takeFile });
  if (!hasFile) return { clip: undefined, fields };
  parts.push(readable(() => wav.end()));
  return { clip: { samples: await concatInTurns(parts), sampleRateHz: wav.sampleRateHz ?? 0 }, fields };
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WavError)) throw error;
    throw audioErrors.unreadableFile(error.message);
  }
}

/** @throws {Error} if the transcription has no end */
async function* stopAfterDone(
  events: AsyncIterable<TranscriptEvent>,
): AsyncGenerator<TranscriptEvent, void, undefined> {
  for await (const event of events) {
    yield event;
    if (event.type === 'done') return;
  }
  throw new Error('it ended without a transcript');
}

/** All events except deltas; without the final one if the client has disconnected. */
async function eventsOf({ first, rest }: StartedStream<TranscriptEvent>): Promise<TranscriptEvent[]> {
  const events = first.done ? [] : [first.value];
  for await (const event of rest) if (event.type !== 'delta') events.push(event);
  return events;
}

function eventBytes(event: TranscriptEvent, clip: AudioClip): Uint8Array<ArrayBuffer>[] {
  const { logprobs } = event.type === 'segment' ? { logprobs: undefined } : event;
  const shown =
    event.type === 'segment'
      ? { ...event, type: 'transcript.text.segment' }
      : event.type === 'delta'
        ? { type: 'transcript.text.delta', delta: event.text, logprobs }
        : {
            type: 'transcript.text.done',
            text: event.text,
            logprobs,
            usage: roundedTranscriptionUsage(usageOf(event, clip)),
          };
  return [new TextEncoder().encode(`data: ${JSON.stringify(shown)}\n\n`)];
}

/** Not rounded. */
function usageOf({ usage }: Done, { samples, sampleRateHz }: AudioClip): NonNullable<Done['usage']> {
  return usage ?? { type: 'duration', seconds: durationMs(samples.length, sampleRateHz) / 1000 };
}
