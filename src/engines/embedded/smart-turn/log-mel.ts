/**
 * The log-mel spectrogram of Whisper (Radford et al. 2022, `audio.py`), as Smart Turn v3 takes it: 8 s at 16 kHz, 80
 * bands on Slaney's mel scale.
 */

export const SMART_TURN_RATE_HZ = 16_000;
export const CLIP_SAMPLES = 8 * SMART_TURN_RATE_HZ;
export const BANDS = 80;
const WINDOW = 400;
const HOP = 160;
export const FRAMES = CLIP_SAMPLES / HOP;
const BINS = WINDOW / 2 + 1;

/** The mel scale: linear up to 1 kHz, then logarithmic. */
const HZ_PER_MEL = 200 / 3;
const BREAK_MEL = 1000 / HZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

const hann = Float64Array.from({ length: WINDOW }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW));
const cosine = Float64Array.from({ length: WINDOW }, (_, n) => Math.cos((2 * Math.PI * n) / WINDOW));
const sine = Float64Array.from({ length: WINDOW }, (_, n) => Math.sin((2 * Math.PI * n) / WINDOW));
const filters = melFilters();

/** Takes 8 s of samples; returns `BANDS` rows of `FRAMES` values. */
export function logMel(samples: Float32Array): Float32Array {
  const features = new Float32Array(BANDS * FRAMES);
  const power = new Float64Array(BINS);
  let highest = Number.NEGATIVE_INFINITY;
  for (let frame = 0; frame < FRAMES; frame++) {
    powerSpectrum(samples, frame * HOP - WINDOW / 2, power);
    for (const [band, { first, weights }] of filters.entries()) {
      let energy = 0;
      for (let i = 0; i < weights.length; i++) energy += (weights[i] ?? 0) * (power[first + i] ?? 0);
      const level = Math.log10(Math.max(energy, 1e-10));
      features[band * FRAMES + frame] = level;
      highest = Math.max(highest, level);
    }
  }
  return features.map((level) => (Math.max(level, highest - 8) + 4) / 4);
}

/** The discrete Fourier transform of a window, whose halves are folded because its input is real. */
function powerSpectrum(samples: Float32Array, start: number, power: Float64Array): void {
  const half = WINDOW / 2;
  const windowed = Float64Array.from(hann, (weight, n) => weight * (samples[reflected(start + n)] ?? 0));
  const even = new Float64Array(half);
  const odd = new Float64Array(half);
  for (let n = 1; n < half; n++) {
    even[n] = (windowed[n] ?? 0) + (windowed[WINDOW - n] ?? 0);
    odd[n] = (windowed[n] ?? 0) - (windowed[WINDOW - n] ?? 0);
  }
  for (let bin = 0; bin < BINS; bin++) {
    let real = (windowed[0] ?? 0) + (bin % 2 === 0 ? 1 : -1) * (windowed[half] ?? 0);
    let imaginary = 0;
    for (let n = 1, angle = bin; n < half; n++, angle = (angle + bin) % WINDOW) {
      real += (even[n] ?? 0) * (cosine[angle] ?? 0);
      imaginary += (odd[n] ?? 0) * (sine[angle] ?? 0);
    }
    power[bin] = real * real + imaginary * imaginary;
  }
}

/** Positions beyond the ends are mirrored at the first and the last sample. */
function reflected(position: number): number {
  if (position < 0) return -position;
  return position < CLIP_SAMPLES ? position : 2 * (CLIP_SAMPLES - 1) - position;
}

/** Triangles of equal area (Slaney 1998, Auditory Toolbox), each from its first bin with a weight. */
function melFilters(): { first: number; weights: Float64Array }[] {
  const highest = hzToMel(SMART_TURN_RATE_HZ / 2);
  const edges = Array.from({ length: BANDS + 2 }, (_, i) => melToHz((highest * i) / (BANDS + 1)));
  return Array.from({ length: BANDS }, (_, band) => {
    const [low = 0, mid = 0, high = 0] = edges.slice(band, band + 3);
    const weight = (bin: number) => {
      const hz = (bin * SMART_TURN_RATE_HZ) / WINDOW;
      return (Math.max(0, Math.min((hz - low) / (mid - low), (high - hz) / (high - mid))) * 2) / (high - low);
    };
    const first = Math.ceil((low * WINDOW) / SMART_TURN_RATE_HZ);
    const last = Math.min(BINS - 1, Math.floor((high * WINDOW) / SMART_TURN_RATE_HZ));
    return {
      first,
      weights: Float64Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => weight(first + i)),
    };
  });
}

function hzToMel(hz: number): number {
  return hz < 1000 ? hz / HZ_PER_MEL : BREAK_MEL + Math.log(hz / 1000) / LOG_STEP;
}

function melToHz(mel: number): number {
  return mel < BREAK_MEL ? mel * HZ_PER_MEL : 1000 * Math.exp(LOG_STEP * (mel - BREAK_MEL));
}
