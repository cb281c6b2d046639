/** Equal loudness for all voices: a gain, and a limiter that keeps peaks below full scale. */

import { samplesIn } from '../../../audio/pcm.ts';

/** −1.5 dBFS, so that peaks between samples stay below −1 dBFS. */
const ceiling = 32_768 * 10 ** (-1.5 / 20);
const blockMs = 1;
/** Blocks before and after a peak over which the gain falls and rises. */
const reach = 5;

/** Applies a gain to speech in place. The gain falls for about 10 ms around each peak that would exceed the ceiling. */
export function setLevel(samples: Int16Array, sampleRateHz: number, gainDb: number): void {
  const factor = 10 ** (gainDb / 20);
  const size = samplesIn(blockMs, sampleRateHz);
  const wanted = Array.from({ length: Math.ceil(samples.length / size) }, (_, block) => {
    let peak = 0;
    for (let at = block * size; at < Math.min(samples.length, (block + 1) * size); at++) {
      peak = Math.max(peak, Math.abs(samples[at] ?? 0));
    }
    return Math.min(1, ceiling / Math.max(1, peak * factor));
  });
  // The minimum over a window one block wider than that of the mean, so that the interpolated gain never exceeds
  // `wanted`.
  const least = windows(wanted, reach + 1, (window) => Math.min(...window));
  const gains = windows(least, reach, (window) => window.reduce((sum, gain) => sum + gain, 0) / window.length);
  for (let at = 0; at < samples.length; at++) {
    const place = at / size - 0.5;
    const block = Math.floor(place);
    const from = gains[Math.max(0, block)] ?? 1;
    const to = gains[Math.min(gains.length - 1, block + 1)] ?? 1;
    samples[at] = Math.round((samples[at] ?? 0) * factor * (from + (to - from) * (place - block)));
  }
}

function windows(values: readonly number[], around: number, reduce: (window: readonly number[]) => number): number[] {
  return values.map((_, at) => reduce(values.slice(Math.max(0, at - around), at + around + 1)));
}
