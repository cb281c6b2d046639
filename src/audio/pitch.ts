/** The range of fundamental frequencies of speaking voices, in hertz. */
const LOWEST_HZ = 60;
const HIGHEST_HZ = 400;
/** Pairs of samples are averaged: half the rate is enough for this range, and costs a quarter. */
const DECIMATION = 2;
/** The first peak of at least this share of the highest one is the period: later ones are its multiples. */
const PEAK_SHARE = 0.9;
/** A frame with a lower similarity is unvoiced. */
const CLARITY = 0.6;

/**
 * Estimates the fundamental frequency of consecutive frames by their normalized difference function (McLeod and Wyvill,
 * "A smarter way to find pitch", 2005), over the frame and one period before it.
 */
export class PitchEstimator {
  readonly #rateHz: number;
  readonly #shortest: number;
  readonly #longest: number;
  readonly #frame: number;
  /** The longest period before the frame, and the frame. */
  readonly #samples: Float32Array;
  readonly #similarity: Float32Array;

  /** `frameSamples`: the number of samples of each frame, even. */
  constructor(sampleRateHz: number, frameSamples: number) {
    this.#rateHz = sampleRateHz / DECIMATION;
    this.#shortest = Math.floor(this.#rateHz / HIGHEST_HZ);
    this.#longest = Math.ceil(this.#rateHz / LOWEST_HZ);
    this.#frame = frameSamples / DECIMATION;
    this.#samples = new Float32Array(this.#longest + this.#frame);
    this.#similarity = new Float32Array(this.#longest + 1);
  }

  /** Adds the next frame. */
  push(frame: Int16Array): void {
    this.#samples.copyWithin(0, this.#frame);
    for (let i = 0; i < this.#frame; i++) {
      this.#samples[this.#longest + i] = ((frame[2 * i] ?? 0) + (frame[2 * i + 1] ?? 0)) / 2;
    }
  }

  /** The fundamental frequency of the last frame in hertz; 0 when it is unvoiced. */
  estimate(): number {
    const highest = this.#compare();
    if (highest < CLARITY) return 0;
    const at = this.#similarity;
    for (let lag = this.#shortest + 1; lag < this.#longest; lag++) {
      const [before = 0, here = 0, after = 0] = [at[lag - 1], at[lag], at[lag + 1]];
      if (here < PEAK_SHARE * highest || here < before || here < after) continue;
      const curvature = before - 2 * here + after;
      const offset = curvature === 0 ? 0 : (before - after) / (2 * curvature);
      return this.#rateHz / (lag + offset);
    }
    return 0;
  }

  /** Computes the similarity, −1…1, of the frame with the audio each lag earlier. Returns the highest. */
  #compare(): number {
    const samples = this.#samples;
    const from = this.#longest;
    const to = samples.length;
    let frameEnergy = 0;
    for (let i = from; i < to; i++) frameEnergy += (samples[i] ?? 0) ** 2;
    let earlierEnergy = 0;
    for (let i = from - this.#shortest; i < to - this.#shortest; i++) earlierEnergy += (samples[i] ?? 0) ** 2;
    let highest = 0;
    for (let lag = this.#shortest; lag <= this.#longest; lag++) {
      let product = 0;
      for (let i = from; i < to; i++) product += (samples[i] ?? 0) * (samples[i - lag] ?? 0);
      const energy = frameEnergy + earlierEnergy;
      const similarity = energy === 0 ? 0 : (2 * product) / energy;
      this.#similarity[lag] = similarity;
      highest = Math.max(highest, similarity);
      earlierEnergy += (samples[from - lag - 1] ?? 0) ** 2 - (samples[to - lag - 1] ?? 0) ** 2;
    }
    return highest;
  }
}
