/** Building blocks of synthetic sounds at 24 kHz: sources, resonators and envelopes. */

import type { Random } from '../fuzz/random.ts';

export const corpusRateHz = 24_000;

export type Signal = Float64Array;

export function samplesOf(ms: number): number {
  return Math.round((ms * corpusRateHz) / 1000);
}

export function hiss(ms: number, random: Random): Signal {
  return Float64Array.from({ length: samplesOf(ms) }, () => random.next() * 2 - 1);
}

/** Pulses of a voice, with the spectral slope of a glottis and a little jitter. `pitchHz` at a share 0…1 of the time. */
export function voicing(ms: number, pitchHz: (share: number) => number, random: Random): Signal {
  const length = samplesOf(ms);
  const pulses = new Float64Array(length);
  for (let at = 0; at < length; ) {
    pulses[Math.floor(at)] = 1;
    at += (corpusRateHz / pitchHz(at / length)) * (1 + 0.02 * (random.next() - 0.5));
  }
  return resonate(resonate(pulses, 100, 200), 100, 400);
}

export function tone(ms: number, hz: (share: number) => number, harmonics: readonly number[] = [1]): Signal {
  const length = samplesOf(ms);
  let phase = 0;
  return Float64Array.from({ length }, (_, i) => {
    phase += (2 * Math.PI * hz(i / length)) / corpusRateHz;
    return harmonics.reduce((sum, level, k) => sum + level * Math.sin((k + 1) * phase), 0);
  });
}

/** A resonance with unity gain at 0 Hz (Klatt, "Software for a cascade/parallel formant synthesizer", 1980). */
export function resonate(input: Signal, hz: number, bandwidthHz: number): Signal {
  const c = -Math.exp((-2 * Math.PI * bandwidthHz) / corpusRateHz);
  const b = 2 * Math.exp((-Math.PI * bandwidthHz) / corpusRateHz) * Math.cos((2 * Math.PI * hz) / corpusRateHz);
  const a = 1 - b - c;
  let [one, two] = [0, 0];
  return input.map((sample) => {
    const out = a * sample + b * one + c * two;
    two = one;
    one = out;
    return out;
  });
}

/** A vocal tract: formants in hertz, one after the other. */
export function shape(input: Signal, formantsHz: readonly number[], bandwidthHz = 90): Signal {
  return formantsHz.reduce((signal, hz, k) => resonate(signal, hz, bandwidthHz * (1 + k / 2)), input);
}

/** Gain over time: points of time in milliseconds and gain, connected by lines. */
export function envelope(input: Signal, points: readonly (readonly [ms: number, gain: number])[]): Signal {
  return input.map((sample, i) => {
    const ms = (i * 1000) / corpusRateHz;
    const next = points.findIndex(([at]) => at > ms);
    const [fromMs, from] = points[(next < 0 ? points.length : next) - 1] ?? [0, 0];
    const [toMs, to] = next < 0 ? [Number.POSITIVE_INFINITY, from] : (points[next] ?? [0, 0]);
    return sample * (from + ((to - from) * (ms - fromMs)) / (toMs - fromMs));
  });
}

export interface Placed {
  atMs: number;
  signal: Signal;
}

export function mix(parts: readonly Placed[]): Signal {
  const length = Math.max(...parts.map(({ atMs, signal }) => samplesOf(atMs) + signal.length));
  const out = new Float64Array(length);
  for (const { atMs, signal } of parts) {
    const from = samplesOf(atMs);
    for (let i = 0; i < signal.length; i++) out[from + i] = (out[from + i] ?? 0) + (signal[i] ?? 0);
  }
  return out;
}

/** One after the other, each after a gap. */
export function sequence(parts: readonly { gapMs: number; signal: Signal }[]): Signal {
  let atMs = 0;
  const placed = parts.map(({ gapMs, signal }) => {
    atMs += gapMs;
    const part = { atMs, signal };
    atMs += (signal.length * 1000) / corpusRateHz;
    return part;
  });
  return mix(placed);
}

/** Scaled to equal power, so that sounds can be added at known proportions. */
export function normalized(signal: Signal): Signal {
  const power = signal.reduce((sum, sample) => sum + sample * sample, 0) / signal.length;
  return signal.map((sample) => sample / Math.sqrt(power || 1));
}

/** 16-bit samples whose loudest 50 ms have this level in dBFS. */
export function atLevel(signal: Signal, dbfs: number): Int16Array {
  const window = samplesOf(50);
  let loudest = 0;
  for (let at = 0; at < signal.length; at += window) {
    const part = signal.subarray(at, at + window);
    loudest = Math.max(loudest, part.reduce((sum, sample) => sum + sample * sample, 0) / part.length);
  }
  const gain = (32_768 * 10 ** (dbfs / 20)) / Math.sqrt(loudest || 1);
  return Int16Array.from(signal, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * gain))));
}
