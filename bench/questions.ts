/** The questions of the clients: sentences of 2 to 6 s in the embedded voice, and the user's recordings. */

import { readFile } from 'node:fs/promises';
import type { AudioClip } from '../src/audio/audio-clip.ts';
import { concatSamples, durationMs } from '../src/audio/pcm.ts';
import { resample } from '../src/audio/resample.ts';
import { readWav } from '../src/audio/wav.ts';
import { messageOf } from '../src/core/errors.ts';
import { Flite } from '../src/engines/embedded/flite/flite.ts';
import { wireRateHz } from './recording.ts';

const builtIn: readonly string[] = [
  'Could you please tell me what time it is now?',
  'How much is seventeen plus twenty five, if you know it?',
  'I would like to know which day of the week it is going to be tomorrow.',
  'My brother is coming to see me on Friday evening and I want to cook something good for him.',
  'Before we go on with the next question I would like you to repeat the last thing that I said to you.',
];

/** A recording cannot be read; the message names it. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError';
}

/**
 * All questions at 24 kHz.
 * @throws {QuestionError}
 */
export async function loadQuestions(files: readonly string[], sentences = builtIn): Promise<Int16Array[]> {
  return [...(await spoken(sentences)), ...(await Promise.all(files.map(recorded)))];
}

/** Their durations, formatted. */
export function lengthsOf(questions: readonly Int16Array[]): string {
  return questions.map((samples) => (durationMs(samples.length, wireRateHz) / 1000).toFixed(1)).join(', ');
}

async function spoken(sentences: readonly string[]): Promise<Int16Array[]> {
  const voice = new Flite({ workers: 1 });
  try {
    const questions: Int16Array[] = [];
    for (const sentence of sentences) {
      const chunks = await Array.fromAsync(
        voice.speak(sentence, { voice: 'alloy', speed: 1, signal: new AbortController().signal }),
      );
      const samples = concatSamples(chunks.map((chunk) => chunk.samples));
      questions.push(await atWireRate({ samples, sampleRateHz: chunks[0]?.sampleRateHz ?? wireRateHz }));
    }
    return questions;
  } finally {
    await voice.close();
  }
}

async function recorded(file: string): Promise<Int16Array> {
  try {
    return await atWireRate(readWav(await readFile(file)));
  } catch (error) {
    throw new QuestionError(`--question ${file}: ${messageOf(error)}`);
  }
}

async function atWireRate(clip: AudioClip): Promise<Int16Array> {
  return (await resample(clip, wireRateHz)).samples;
}
