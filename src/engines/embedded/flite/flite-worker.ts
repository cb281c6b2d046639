import { durationMs, samplesIn } from '../../../audio/pcm.ts';
import type { SpeechChunk, WordTiming } from '../../../session/ports/voice.ts';
import { serveJobs, type WorkerJob } from '../../pool/worker-jobs.ts';
import { FliteProgram } from './flite-program.ts';
import { setLevel } from './loudness.ts';
import { Pronouncer } from './pronouncer.ts';
import { pauseAfterMs, type SpokenToken } from './spoken-text.ts';
import { voiceNamed, voiceOptions } from './voices.ts';
import { alignWords, parsePhones } from './word-alignment.ts';

export interface FliteRequest {
  tokens: readonly SpokenToken[];
  voice: string;
  speed: number;
}

const CHUNK_MS = 250;
/** Quieter samples at the ends are silence: about −46 dBFS. */
const SILENCE_PEAK = 160;
/** Margin for soft sounds at the ends, such as the beginning of an "f", which are quieter than that. */
const KEEP_BEFORE_MS = 15;

void serveJobs<FliteRequest, SpeechChunk>(async () => {
  const program = await FliteProgram.load();
  const pronouncer = new Pronouncer(program);
  // Warms up the code that every sentence uses; without it the first sentence takes three times as long.
  program.run('Hello.', [...voiceOptions(voiceNamed('alloy'), 1), '-psdur']);

  return async ({ tokens, voice, speed }, job: WorkerJob<SpeechChunk>) => {
    // Lets the abort messages that arrived during another job be processed.
    await job.turn();
    if (job.signal.aborted) return;
    const send = (samples: Int16Array<ArrayBuffer>, words?: WordTiming[]) =>
      job.send({ samples, sampleRateHz, words }, [samples.buffer]);

    const text = tokens.map(({ spoken }) => spoken).join(' ');
    const speaker = voiceNamed(voice);
    const options = [...voiceOptions(speaker, speed), '-psdur'];
    const { samples, sampleRateHz, printed } = program.run(text, options);
    const { trimmed, cutMs } = trim(samples, sampleRateHz, pauseAfterMs(text) / speed);
    if (trimmed.length === 0) return;
    setLevel(trimmed, sampleRateHz, speaker.gainDb);

    // All audio but the end is sent before the words are aligned, which takes as long again as a short sentence.
    const chunk = Math.min(samplesIn(CHUNK_MS, sampleRateHz), Math.ceil(trimmed.length / 2));
    let at = 0;
    for (; at + chunk < trimmed.length; at += chunk) send(trimmed.slice(at, at + chunk));
    await job.turn();
    if (job.signal.aborted) return;

    const lengthMs = durationMs(trimmed.length, sampleRateHz);
    const toOutput = (ms: number) => Math.min(lengthMs, Math.max(0, ms - cutMs));
    const spans = alignWords(parsePhones(printed), pronouncer.phonesOf(tokens));
    const words = tokens.map(({ startChar, endChar }, index): WordTiming => {
      const { startMs, endMs } = spans[index] ?? { startMs: 0, endMs: 0 };
      return { startChar, endChar, startMs: toOutput(startMs), endMs: toOutput(endMs) };
    });
    send(trimmed.slice(at), words);
  };
});

/** Trims the silence that Flite puts around a phrase, and adds a pause after it. */
function trim(
  samples: Int16Array,
  sampleRateHz: number,
  pauseMs: number,
): { trimmed: Int16Array<ArrayBuffer>; cutMs: number } {
  const isSound = (sample: number) => Math.abs(sample) > SILENCE_PEAK;
  const first = samples.findIndex(isSound);
  if (first < 0) return { trimmed: new Int16Array(0), cutMs: 0 };
  const start = Math.max(0, first - samplesIn(KEEP_BEFORE_MS, sampleRateHz));
  const end = samples.findLastIndex(isSound) + 1 + samplesIn(pauseMs, sampleRateHz);
  const trimmed = new Int16Array(end - start);
  trimmed.set(samples.subarray(start, end));
  return { trimmed, cutMs: durationMs(start, sampleRateHz) };
}
