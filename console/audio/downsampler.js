/** Resampling for browsers that cannot capture at 24 kHz. Runs in the audio thread. */

const phases = 128;
const halfTaps = 24;

/**
 * Reduces the sample rate of a stream with a windowed sinc filter (Blackman; the stop band starts at the Nyquist
 * frequency of the target). Output is delayed by half the filter: 24 output samples.
 */
export class Downsampler {
  #ratio;
  #reach;
  #kernels;
  /** Input samples within the reach of the filter. */
  #history;
  /** Position of the next output sample in `#history`, in input samples. */
  #position;

  /**
   * @param {number} fromHz
   * @param {number} toHz at most `fromHz`
   */
  constructor(fromHz, toHz) {
    this.#ratio = fromHz / toHz;
    this.#reach = Math.ceil(halfTaps * this.#ratio);
    this.#kernels = Array.from({ length: phases }, (_, phase) => kernel(this.#ratio, this.#reach, phase / phases));
    this.#history = new Float32Array(2 * this.#reach);
    this.#position = this.#reach;
  }

  /**
   * @param {Float32Array} input
   * @returns {Float32Array} all output that the input completes
   */
  push(input) {
    const samples = new Float32Array(this.#history.length + input.length);
    samples.set(this.#history);
    samples.set(input, this.#history.length);
    const output = [];
    while (this.#position + this.#reach < samples.length) {
      output.push(this.#at(samples, this.#position));
      this.#position += this.#ratio;
    }
    const done = Math.max(0, Math.floor(this.#position) - this.#reach);
    this.#history = samples.slice(done);
    this.#position -= done;
    return Float32Array.from(output);
  }

  /**
   * @param {Float32Array} samples
   * @param {number} position
   */
  #at(samples, position) {
    const phase = Math.round((position - Math.floor(position)) * phases);
    const centre = Math.floor(position) + (phase === phases ? 1 : 0);
    const taps = this.#kernels[phase % phases] ?? new Float32Array();
    let sum = 0;
    for (let i = 0; i < taps.length; i++) sum += (taps[i] ?? 0) * (samples[centre - this.#reach + 1 + i] ?? 0);
    return sum;
  }
}

/**
 * The taps for an output sample that lies `offset` input samples after the centre; their sum is 1.
 * @param {number} ratio
 * @param {number} reach
 * @param {number} offset
 */
function kernel(ratio, reach, offset) {
  const cutoff = 0.92 / ratio;
  const taps = new Float32Array(2 * reach);
  let sum = 0;
  for (let i = 0; i < taps.length; i++) {
    const t = i - reach + 1 - offset;
    const x = Math.PI * t * cutoff;
    const w = (Math.PI * t) / reach;
    const tap = (x === 0 ? 1 : Math.sin(x) / x) * (0.42 + 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w));
    taps[i] = tap;
    sum += tap;
  }
  return taps.map((tap) => tap / sum);
}
