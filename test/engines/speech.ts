/** Generated speech and noise for engine tests; no recordings. */

import assert from 'node:assert/strict';
import type { AudioClip } from '../../src/audio/audio-clip.ts';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { Transcriber, TranscriptEvent } from '../../src/session/ports/transcriber.ts';
import type { SpeechChunk, Voice, WordTiming } from '../../src/session/ports/voice.ts';

export interface Utterance extends AudioClip {
  words: WordTiming[];
  chunks: SpeechChunk[];
}

export async function say(
  voice: Voice,
  text: string,
  { name = 'alloy', speed = 1, signal = new AbortController().signal } = {},
): Promise<Utterance> {
  const chunks: SpeechChunk[] = [];
  for await (const chunk of voice.speak(text, { voice: name, speed, signal })) chunks.push(chunk);
  return {
    samples: concatSamples(chunks.map(({ samples }) => samples)),
    sampleRateHz: 16_000,
    words: chunks.flatMap(({ words = [] }) => words),
    chunks,
  };
}

export type Done = Extract<TranscriptEvent, { type: 'done' }>;

/** The last event, whose text must equal the joined deltas. */
export async function hear(transcriber: Transcriber, clip: AudioClip): Promise<Done & { deltas: string[] }> {
  const deltas: string[] = [];
  let done: Done | undefined;
  for await (const event of transcriber.transcribe(clip, { signal: new AbortController().signal })) {
    if (done) throw new Error('an event came after done');
    if (event.type === 'done') done = event;
    else deltas.push(event.text);
  }
  if (!done) throw new Error('no done');
  if (deltas.join('') !== done.text) throw new Error(`the deltas say ${deltas.join('')}, not ${done.text}`);
  return { ...done, deltas };
}

export function plainWords(text: string): string[] {
  return text
    .toLowerCase()
    .replace(/-/g, '')
    .replace(/[^a-z0-9' ]/g, ' ')
    .split(/\s+/)
    .filter(Boolean);
}

/** Asserts that a transcript has at most `mostErrors` wrong words for each word that was said. */
export function assertUnderstood(said: string, transcript: string, mostErrors: number): void {
  const message = `'${said}' was transcribed as '${transcript}'`;
  assert.ok(wordErrorRate(said, transcript) <= mostErrors, message);
}

/** Substituted, inserted and deleted words per reference word. */
function wordErrorRate(said: string, heard: string): number {
  const a = plainWords(said);
  const b = plainWords(heard);
  let row = b.map((_, j) => j + 1);
  a.forEach((word, i) => {
    let diagonal = i;
    let left = i + 1;
    row = row.map((above, j) => {
      left = Math.min(above + 1, left + 1, diagonal + (word === b[j] ? 0 : 1));
      diagonal = above;
      return left;
    });
  });
  return (b.length === 0 ? a.length : (row.at(-1) ?? 0)) / a.length;
}

export function silence(ms: number, sampleRateHz = 16_000): Int16Array {
  return new Int16Array((ms * sampleRateHz) / 1000);
}

/** Reproducible white noise (a linear congruential generator). */
export function noise(ms: number, amplitude: number, sampleRateHz = 16_000): Int16Array {
  let state = 12345;
  return silence(ms, sampleRateHz).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state / 2 ** 32) * 2 - 1) * amplitude;
  });
}
