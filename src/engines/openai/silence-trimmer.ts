import { concatSamples, samplesIn } from '../../audio/pcm.ts';

/** Samples below this level are silence: −50 dBFS. */
const silenceLevel = 104;
/** Silence that is preserved, so that onsets are not clipped. */
const marginMs = 20;

/** Trims the silence at the start and the end of a stream of speech; pauses within it are preserved. */
export class SilenceTrimmer {
  readonly #margin: number;
  #begun = false;
  /** Silence that is output only when sound follows; before the first sound, only the margin. */
  #held: Int16Array[] = [];

  constructor(sampleRateHz: number) {
    this.#margin = samplesIn(marginMs, sampleRateHz);
  }

  /** Returns the output in pieces, because it may include minutes of silence. */
  push(samples: Int16Array): Int16Array[] {
    const last = samples.findLastIndex(isLoud);
    if (last < 0) {
      this.#holdBack(samples);
      return [];
    }
    const end = Math.min(samples.length, last + 1 + this.#margin);
    const before = this.#begun ? this.#held : [];
    let sound = samples.subarray(0, end);
    if (!this.#begun) {
      const lead = concatSamples([...this.#held, sound]);
      const first = lead.findIndex(isLoud);
      sound = lead.subarray(Math.max(0, first - this.#margin));
    }
    this.#begun = true;
    this.#held = [];
    this.#holdBack(samples.subarray(end));
    return [...before, sound];
  }

  #holdBack(silence: Int16Array): void {
    if (silence.length === 0) return;
    this.#held.push(silence);
    if (this.#begun) return;
    const whole = concatSamples(this.#held);
    this.#held = [whole.slice(-this.#margin)];
  }
}

function isLoud(sample: number): boolean {
  return sample > silenceLevel || sample < -silenceLevel;
}
