/**
 * The corpus of the benchmark of turn-taking, made by the embedded voice and by synthesis: turns with pauses where people
 * pause, and sounds that overlap the assistant's speech. A seed gives the same corpus on every machine.
 */

import { concatSamples, durationMs, samplesIn } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import type { Voice, WordTiming } from '../../src/session/ports/voice.ts';
import { Random } from '../fuzz/random.ts';
import { longAnswer, type PauseKind, pauseKinds, type Split, texts } from './sentences.ts';
import { type SoundName, sounds } from './sounds.ts';
import { corpusRateHz } from './synthesis.ts';

const shortestPauseMs = 200;
const longestPauseMs = 1500;
/** The levels of speech vary downwards by at most this much. */
const levelRangeDb = 6;
const televisionDb = -22;
const televisionMs = 2500;

export interface Pause {
  kind: PauseKind;
  fromMs: number;
  toMs: number;
}

/** One turn of a user: mono at 24 kHz, without silence before and after. */
export interface CorpusTurn {
  text: string;
  voice: string;
  samples: Int16Array;
  pauses: readonly Pause[];
}

export const overlapKinds = ['interruption', 'back-channel', 'cough', 'laugh', 'noise', 'television', 'echo'] as const;
export type OverlapKind = (typeof overlapKinds)[number];

/** A sound while the assistant speaks. Only an interruption should stop it. */
export interface Overlap {
  kind: OverlapKind;
  name: string;
  /** Empty for the echo alone. */
  samples: Int16Array;
  /** The level of the assistant's echo relative to its own; undefined for a headset. */
  echoDb: number | undefined;
}

export interface CorpusOptions {
  split: Split;
  seed: number;
  /** The share of the corpus to make, 0…1. */
  share: number;
}

const echoDb = -20;
const noiseNames: Record<Split, readonly SoundName[]> = {
  tuning: ['keyboard', 'door', 'phone'],
  'held-out': ['dog', 'horn', 'siren'],
};
const humNames: Record<Split, readonly SoundName[]> = {
  tuning: ['mm', 'uh-huh'],
  'held-out': ['mm-hmm', 'uh-huh'],
};
/** Number of sounds of each kind in a whole corpus; each is another variation. */
const counts = { hum: 8, cough: 12, laugh: 8, noise: 12, television: 4, echo: 4 };

export async function corpusTurns(voice: Voice, { split, seed, share }: CorpusOptions): Promise<CorpusTurn[]> {
  const { voices, turns } = texts[split];
  const random = new Random(seed, 1);
  const made: CorpusTurn[] = [];
  for (const kind of [...pauseKinds, 'none'] as const) {
    for (const name of voices) {
      for (const text of shareOf(turns[kind], share)) made.push(await speakTurn(voice, { text, kind, name, random }));
    }
  }
  return made;
}

export async function corpusOverlaps(voice: Voice, { split, seed, share }: CorpusOptions): Promise<Overlap[]> {
  const { voices, interruptions, backChannels, television } = texts[split];
  const random = new Random(seed, 2);
  const overlaps: Overlap[] = [];
  const add = (kind: OverlapKind, name: string, samples: Int16Array) => {
    // Every second sound comes together with an echo.
    const hasEcho = kind === 'echo' || overlaps.length % 2 === 1;
    overlaps.push({ kind, name, samples, echoDb: hasEcho ? echoDb : undefined });
  };
  for (const name of voices) {
    for (const text of shareOf(interruptions, share)) add('interruption', text, await say(voice, text, name, random));
    for (const text of shareOf(backChannels, share)) add('back-channel', text, await say(voice, text, name, random));
  }
  const repeat = (count: number, make: (i: number) => void) => {
    for (let i = 0; i < Math.ceil(count * share); i++) make(i);
  };
  const cycle = <T>(list: readonly T[], i: number) => list[i % list.length] as T;
  const addSound = (kind: OverlapKind, name: SoundName) => add(kind, name, sounds[name](random));
  repeat(counts.hum, (i) => addSound('back-channel', cycle(humNames[split], i)));
  repeat(counts.cough, () => addSound('cough', 'cough'));
  repeat(counts.laugh, () => addSound('laugh', 'laugh'));
  repeat(counts.noise, (i) => addSound('noise', cycle(noiseNames[split], i)));
  for (let i = 0; i < Math.ceil(counts.television * share); i++) {
    add('television', 'television', await onTelevision(voice, cycle(television, i), cycle(voices, i)));
  }
  repeat(counts.echo, () => add('echo', 'echo', new Int16Array(0)));
  return overlaps;
}

/** The echo of the assistant's answer alone. */
export async function corpusEcho(voice: Voice): Promise<Int16Array> {
  const [sentence = ''] = longAnswer.split(/(?<=\.) /);
  return amplified(inRoom(await sayPlainly(voice, sentence, 'alloy')), echoDb);
}

function shareOf<T>(list: readonly T[], share: number): readonly T[] {
  return list.slice(0, Math.ceil(list.length * share));
}

interface TurnText {
  text: string;
  kind: PauseKind | 'none';
  name: string;
  random: Random;
}

async function speakTurn(voice: Voice, { text: marked, kind, name, random }: TurnText): Promise<CorpusTurn> {
  const parts = marked.split('|').map((part) => part.trim());
  const text = parts.join(' ');
  const { samples, words } = await speak(voice, text, name, random);
  const pieces: Int16Array[] = [];
  const pauses: Pause[] = [];
  let chars = 0;
  let cut = 0;
  let addedMs = 0;
  for (const part of parts.slice(0, -1)) {
    chars += part.length + 1;
    const { fromMs, toMs } = gapAt(words, chars);
    const wantedMs = Math.round(shortestPauseMs * (longestPauseMs / shortestPauseMs) ** random.next());
    const missingMs = Math.max(0, wantedMs - (toMs - fromMs));
    const at = samplesIn((fromMs + toMs) / 2, corpusRateHz);
    pieces.push(
      faded(samples.slice(cut, at), { start: cut > 0, end: true }),
      new Int16Array(samplesIn(missingMs, corpusRateHz)),
    );
    if (kind !== 'none') pauses.push({ kind, fromMs: fromMs + addedMs, toMs: toMs + addedMs + missingMs });
    addedMs += missingMs;
    cut = at;
  }
  pieces.push(faded(samples.slice(cut), { start: cut > 0, end: false }));
  return { text, voice: name, samples: concatSamples(pieces), pauses };
}

/** The gap between the words around a position of the text. */
function gapAt(words: readonly WordTiming[], char: number): { fromMs: number; toMs: number } {
  const next = words.find(({ startChar }) => startChar >= char);
  const before = words.findLast(({ startChar }) => startChar < char);
  if (!next || !before) throw new Error(`the voice gave no times of the words around character ${char}`);
  return { fromMs: Math.min(before.endMs, next.startMs), toMs: next.startMs };
}

/** Fades 10 ms at the cuts of a word's edge. */
function faded(samples: Int16Array, { start, end }: { start: boolean; end: boolean }): Int16Array {
  const length = Math.min(samplesIn(10, corpusRateHz), samples.length);
  for (let i = 0; i < length; i++) {
    const gain = i / length;
    const last = samples.length - 1 - i;
    if (start) samples[i] = (samples[i] ?? 0) * gain;
    if (end) samples[last] = (samples[last] ?? 0) * gain;
  }
  return samples;
}

async function say(voice: Voice, text: string, name: string, random: Random): Promise<Int16Array> {
  return (await speak(voice, text, name, random)).samples;
}

async function speak(voice: Voice, text: string, name: string, random: Random) {
  const speed = 0.9 + 0.25 * random.next();
  const gainDb = -levelRangeDb * random.next();
  const { samples, words } = await spoken(voice, text, { name, speed });
  return { samples: amplified(samples, gainDb), words };
}

async function sayPlainly(voice: Voice, text: string, name: string): Promise<Int16Array> {
  return (await spoken(voice, text, { name, speed: 1 })).samples;
}

async function spoken(voice: Voice, text: string, { name, speed }: { name: string; speed: number }) {
  const options = { voice: name, speed, signal: new AbortController().signal };
  const chunks = await Array.fromAsync(voice.speak(text, options));
  const clip = {
    samples: concatSamples(chunks.map((chunk) => chunk.samples)),
    sampleRateHz: chunks[0]?.sampleRateHz ?? corpusRateHz,
  };
  const { samples } = await resample(clip, corpusRateHz);
  return { samples, words: wordsOf(chunks) };
}

/** The times of all words, each once: chunks may repeat them. */
function wordsOf(chunks: readonly { words?: readonly WordTiming[] }[]): WordTiming[] {
  const words = chunks.flatMap((chunk) => chunk.words ?? []);
  return [...new Map(words.map((word) => [word.startChar, word])).values()];
}

export function amplified(samples: Int16Array, db: number): Int16Array {
  const gain = 10 ** (db / 20);
  return samples.map((sample) => sample * gain);
}

/** Speech from a small loudspeaker in the room: high-pass, later reflections, low level. */
async function onTelevision(voice: Voice, text: string, name: string): Promise<Int16Array> {
  const samples = await sayPlainly(voice, text, name);
  return amplified(inRoom(samples.slice(0, samplesIn(televisionMs, corpusRateHz))), televisionDb);
}

/** Delays in milliseconds and gains of a room's reflections. */
const reflections = [
  [0, 1],
  [11, 0.5],
  [23, 0.4],
  [37, 0.3],
  [61, 0.2],
] as const;

/** A loudspeaker as a microphone across the room records it: direct sound and reflections, without the bass, at the same level. */
export function inRoom(samples: Int16Array): Int16Array {
  const out = new Float64Array(samples.length);
  for (const [delayMs, gain] of reflections) {
    const delay = samplesIn(delayMs, corpusRateHz);
    for (let i = delay; i < samples.length; i++) {
      const here = (samples[i - delay] ?? 0) - 0.8 * (samples[i - delay - 1] ?? 0);
      out[i] = (out[i] ?? 0) + gain * here;
    }
  }
  const [before, after] = [power(samples), power(out)];
  const scale = after === 0 ? 0 : Math.sqrt(before / after);
  return Int16Array.from(out, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * scale))));
}

function power(samples: Int16Array | Float64Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return sum;
}

export function lengthMs({ samples }: { samples: Int16Array }): number {
  return durationMs(samples.length, corpusRateHz);
}
