import { workerData } from 'node:worker_threads';
import { toFloat32 } from '../../../audio/pcm.ts';
import { resample } from '../../../audio/resample.ts';
import type { TranscriptEvent } from '../../../session/ports/transcriber.ts';
import { modelPathOf, serveJobs, type WorkerJob } from '../../pool/worker-jobs.ts';
import {
  cutTail,
  isSilent,
  MOONSHINE_RATE_HZ,
  padWithSilence,
  type SoundExtent,
  soundExtent,
  startLater,
} from './clip-windows.ts';
import { type DecodedToken, END_TOKEN, MoonshineModel } from './moonshine-model.ts';
import { isClosingMark, textOf } from './tokens.ts';
import { WordWriter } from './word-writer.ts';

/** One window of a clip. */
export interface MoonshineRequest {
  samples: Int16Array;
  sampleRateHz: number;
}

/** Minimum duration of speech for which a blank result is retried once. */
const RETRY_BLANK_MS = 500;

interface Attempt {
  words: WordWriter;
  tokens: DecodedToken[];
  text: string;
}

void serveJobs<MoonshineRequest, TranscriptEvent>(async () => {
  const model = await MoonshineModel.load(modelPathOf(workerData));
  // The first inference also allocates memory; this keeps that from the first speaker.
  for await (const _ of model.decode(new Float32Array(MOONSHINE_RATE_HZ), new AbortController().signal)) break;
  return (request, job) => transcribe(model, request, job);
});

async function transcribe(
  model: MoonshineModel,
  request: MoonshineRequest,
  job: WorkerJob<TranscriptEvent>,
): Promise<void> {
  const samples = cutTail((await resample(request, MOONSHINE_RATE_HZ)).samples);
  let text = '';
  const write = (words: readonly string[]) => {
    for (const word of words) {
      const delta = text === '' ? word : ` ${word}`;
      text += delta;
      job.send({ type: 'delta', text: delta });
    }
  };
  if (isSilent(samples)) return job.send({ type: 'done', text });
  const extent = soundExtent(samples);
  let attempt = await decode(model, padWithSilence(samples, extent), job, write);
  if (job.signal.aborted) return;
  if (isLost(attempt, extent)) attempt = await decode(model, startLater(samples, extent), job, write);
  if (job.signal.aborted) return;
  write(attempt.words.end(attempt.text));
  job.send({ type: 'done', text, ...certainty(text, attempt.tokens) });
}

async function decode(
  model: MoonshineModel,
  samples: Int16Array,
  job: WorkerJob<TranscriptEvent>,
  write: (words: readonly string[]) => void,
): Promise<Attempt> {
  const attempt: Attempt = { words: new WordWriter(), tokens: [], text: '' };
  // The encoder is the longest step, so an upload lets live speech go first.
  await job.turn();
  for await (const token of model.decode(toFloat32(samples), job.signal)) {
    await job.turn();
    attempt.tokens.push(token);
    if (token.id === END_TOKEN) break;
    attempt.text = textOf(attempt.tokens.map(({ id }) => id));
    write(attempt.words.next(attempt.text));
    if (attempt.words.loops) break;
  }
  return attempt;
}

/** Whether to retry with another start, which is possible as long as no output was sent. */
function isLost({ words, text }: Attempt, { loudMs }: SoundExtent): boolean {
  return words.isEmpty && (words.loops || (text.trim() === '' && loudMs >= RETRY_BLANK_MS));
}

function certainty(text: string, tokens: readonly DecodedToken[]): { confidence?: number; endOfSentence?: number } {
  const spoken = tokens.filter(({ id }) => id !== END_TOKEN);
  const last = spoken.at(-1);
  if (text === '' || last === undefined) return {};
  const confidence = spoken.reduce((sum, { probability }) => sum + probability, 0) / spoken.length;
  // The end of the sentence: its closing mark or a comma in its place, or the position where the model stopped without one.
  const end = isClosingMark(last.id) ? last : tokens.at(-1);
  return { confidence, endOfSentence: end?.terminalProbability ?? 0 };
}
