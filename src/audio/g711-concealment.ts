import { samplesIn } from './pcm.ts';

const rateHz = 8000;
/** The range of pitch periods, and the sound in which the last one is found (ITU-T G.711 appendix I). */
const shortestPeriod = samplesIn(5, rateHz);
const longestPeriod = samplesIn(15, rateHz);
const comparedSamples = samplesIn(20, rateHz);
/** The loss is concealed at full level for 10 ms, and fades to silence until 60 ms. */
const fadeStart = samplesIn(10, rateHz);
const fadeEnd = samplesIn(60, rateHz);

/**
 * Conceals lost 8 kHz audio in the spirit of ITU-T G.711 appendix I: the last pitch period is repeated, with a
 * cross-fade of a quarter period where it joins itself, and fades within 60 ms; the next sound is cross-faded with its
 * continuation. Unlike the appendix it adds no delay: what has been put out is not changed.
 */
export class G711Concealment {
  /** The last sound that was received. */
  #history = new Int16Array(longestPeriod + comparedSamples);
  /** One period that joins itself without a step; undefined while nothing is lost. */
  #period: Float32Array | undefined;
  /** The step from the last sound to the period, which is levelled out within a quarter of it. */
  #step = 0;
  /** Samples that have been concealed since the last sound. */
  #concealed = 0;

  /** Adds received sound, and blends its start, in place, with what has been put out for the loss before it. */
  received(samples: Int16Array): void {
    const period = this.#period;
    if (period) {
      // Longer losses are joined more slowly, as in the appendix: 4 ms for each 10 ms, at most 10 ms.
      const length = Math.min(samples.length, samplesIn(10, rateHz), period.length / 4 + 0.4 * this.#concealed);
      for (let i = 0; i < length; i++) {
        const part = (i + 1) / (length + 1);
        samples[i] = clipped(part * (samples[i] ?? 0) + (1 - part) * this.#next());
      }
      this.#period = undefined;
    }
    const kept = this.#history.length;
    this.#history.copyWithin(0, Math.min(kept, samples.length));
    const last = samples.subarray(-kept);
    this.#history.set(last, kept - last.length);
  }

  /** Sound in place of `samples` that were lost. */
  conceal(samples: number): Int16Array {
    if (!this.#period) {
      this.#period = this.#lastPeriod();
      this.#concealed = 0;
    }
    return Int16Array.from({ length: samples }, () => clipped(this.#next()));
  }

  #next(): number {
    const period = this.#period ?? new Float32Array(1);
    const sample = period[this.#concealed % period.length] ?? 0;
    const levelling = Math.max(0, 1 - this.#concealed / (period.length / 4));
    const gain = (fadeEnd - this.#concealed) / (fadeEnd - fadeStart);
    this.#concealed += 1;
    return (sample + levelling * this.#step) * Math.min(1, Math.max(0, gain));
  }

  /** The last period of the sound, whose end is cross-faded with the end of the one before. */
  #lastPeriod(): Float32Array {
    const history = this.#history;
    const length = this.#periodLength();
    const start = history.length - length;
    this.#step = (history.at(-1) ?? 0) - (history[start - 1] ?? 0);
    const period = Float32Array.from(history.subarray(start));
    const overlap = Math.floor(length / 4);
    for (let i = 0; i < overlap; i++) {
      const part = (i + 1) / (overlap + 1);
      const at = length - overlap + i;
      period[at] = (1 - part) * (period[at] ?? 0) + part * (history[start - overlap + i] ?? 0);
    }
    return period;
  }

  /** The lag, in samples, at which the end of the sound resembles what came before it most. */
  #periodLength(): number {
    const history = this.#history;
    const from = history.length - comparedSamples;
    let [best, highest] = [longestPeriod, 0];
    for (let lag = shortestPeriod; lag <= longestPeriod; lag++) {
      let [product, energy] = [0, 0];
      for (let i = from; i < history.length; i++) {
        const earlier = history[i - lag] ?? 0;
        product += (history[i] ?? 0) * earlier;
        energy += earlier ** 2;
      }
      const correlation = product / Math.sqrt(Math.max(1, energy));
      // A multiple of the period is hardly more similar, and repeats less often what differs.
      if (correlation > highest * 1.0001) [best, highest] = [lag, correlation];
    }
    return best;
  }
}

function clipped(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)));
}
