/** The range of fundamental frequencies of speaking voices, in hertz. */
const LOWEST_HZ = 60;
const HIGHEST_HZ = 360;
/**
 * The period is found in averages of four samples, and measured in averages of two: finding it in those would take four
 * times as long. Averages of four have little of the sound above 1.5 kHz, which in speech is weaker than the rest.
 */
const COARSE = 4;
const FINE = 2;
/** The lags on each side of the one that was found, in averages of two. */
const REFINED = 4;
/** The first peak of at least this share of the highest one is the period: later ones are its multiples. */
const PEAK_SHARE = 0.88;
/** A frame with a lower similarity is unvoiced. */
const CLARITY = 0.6;

/**
 * Estimates the fundamental frequency of consecutive frames by their normalized difference function (McLeod and Wyvill,
 * "A smarter way to find pitch", 2005), over the frame and one period before it.
 */
export class PitchEstimator {
  /** The longest period, with a margin, and the frame. */
  readonly #samples: Int16Array;
  readonly #frame: number;
  readonly #coarse: Averages;
  readonly #fine: Averages;
  readonly #shortest: number;
  readonly #found: Float32Array;
  readonly #refined = new Float32Array(2 * REFINED + 1);

  /** `sampleRateHz`: 16 kHz or more. `frameSamples`: the number of samples of each frame, a multiple of four. */
  constructor(sampleRateHz: number, frameSamples: number) {
    this.#coarse = new Averages(sampleRateHz, frameSamples, COARSE);
    this.#fine = new Averages(sampleRateHz, frameSamples, FINE);
    this.#samples = new Int16Array(COARSE * this.#coarse.length);
    this.#frame = frameSamples;
    // A peak has a value on each side.
    this.#shortest = Math.floor(this.#coarse.rateHz / HIGHEST_HZ) - 1;
    this.#found = new Float32Array(this.#coarse.longest + 1 - this.#shortest + 1);
  }

  /** Adds the next frame. */
  push(frame: Int16Array): void {
    this.#samples.copyWithin(0, this.#frame);
    this.#samples.set(frame, this.#samples.length - this.#frame);
  }

  /** The fundamental frequency of the last frame in hertz; 0 when it is unvoiced. */
  estimate(): number {
    this.#coarse.take(this.#samples);
    this.#coarse.compare(this.#shortest, this.#found);
    const period = firstPeak(this.#found);
    if (period === undefined) return 0;
    const first = Math.round((this.#shortest + period) * (COARSE / FINE)) - REFINED;
    this.#fine.take(this.#samples);
    this.#fine.compare(first, this.#refined);
    const lag = firstPeak(this.#refined);
    return lag === undefined ? 0 : this.#fine.rateHz / (first + lag);
  }
}

/** The position of the first peak that is almost as high as the highest, between two values; undefined without one. */
function firstPeak(values: Float32Array): number | undefined {
  const peaks: { at: number; height: number }[] = [];
  for (let at = 1; at < values.length - 1; at++) {
    const [before = 0, here = 0, after = 0] = [values[at - 1], values[at], values[at + 1]];
    if (here < before || here < after) continue;
    // The vertex of the parabola through the three values.
    const curvature = before - 2 * here + after;
    const offset = curvature === 0 ? 0 : (before - after) / (2 * curvature);
    peaks.push({ at: at + offset, height: here - ((before - after) * offset) / 4 });
  }
  const highest = Math.max(...peaks.map(({ height }) => height));
  return highest < CLARITY ? undefined : peaks.find(({ height }) => height >= PEAK_SHARE * highest)?.at;
}

/** A frame and the audio before it, in averages of several samples. */
class Averages {
  readonly rateHz: number;
  /** The longest period, in averages. */
  readonly longest: number;
  readonly #averaged: number;
  readonly #frame: number;
  readonly #samples: Float32Array;

  constructor(sampleRateHz: number, frameSamples: number, averaged: number) {
    this.rateHz = sampleRateHz / averaged;
    this.longest = Math.ceil(this.rateHz / LOWEST_HZ);
    this.#averaged = averaged;
    this.#frame = frameSamples / averaged;
    this.#samples = new Float32Array(this.longest + REFINED + 1 + this.#frame);
  }

  get length(): number {
    return this.#samples.length;
  }

  /** Takes the frame and the audio before it from the end of `source`. */
  take(source: Int16Array): void {
    let at = source.length - this.#averaged * this.length;
    for (let to = 0; to < this.length; to++) {
      let sum = 0;
      for (const end = at + this.#averaged; at < end; at++) sum += source[at] ?? 0;
      this.#samples[to] = sum / this.#averaged;
    }
  }

  /** Computes the similarities, −1…1, of the frame with the audio `first` averages earlier, `first + 1` and so on. */
  compare(first: number, similarities: Float32Array): void {
    const samples = this.#samples;
    const to = samples.length;
    const from = to - this.#frame;
    let frameEnergy = 0;
    for (let i = from; i < to; i++) frameEnergy += (samples[i] ?? 0) ** 2;
    let earlierEnergy = 0;
    for (let i = from - first; i < to - first; i++) earlierEnergy += (samples[i] ?? 0) ** 2;
    for (let n = 0; n < similarities.length; n++) {
      const lag = first + n;
      let product = 0;
      for (let i = from; i < to; i++) product += (samples[i] ?? 0) * (samples[i - lag] ?? 0);
      const energy = frameEnergy + earlierEnergy;
      similarities[n] = energy === 0 ? 0 : (2 * product) / energy;
      earlierEnergy += (samples[from - lag - 1] ?? 0) ** 2 - (samples[to - lag - 1] ?? 0) ** 2;
    }
  }
}
