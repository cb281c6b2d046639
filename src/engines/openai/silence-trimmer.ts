import { concatSamples, samplesIn } from '../../audio/pcm.ts';

/** Below this a sample counts as silence: −50 dBFS. */
const silenceLevel = 104;
/** Of silence this much stays, so that no onset is clipped. */
const marginMs = 20;

/** Takes the silence off the beginning and the end of a stream of speech, and leaves pauses within it. */
export class SilenceTrimmer {
  readonly #margin: number;
  #begun = false;
  /** Silence that is only passed on when sound follows; before the first sound, the margin alone. */
  #held: Int16Array[] = [];

  constructor(sampleRateHz: number) {
    this.#margin = samplesIn(marginMs, sampleRateHz);
  }

  /** What is passed on, in pieces: silence of minutes may be among it. */
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
