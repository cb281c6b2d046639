import type { FinalProsody } from '../ports/turn-policy.ts';
import type { VoiceFrame } from '../ports/voice-activity.ts';

/** The last voiced frames of a pause: about 190 ms. */
const lastFrames = 6;

/** Collects pitch and level of the voiced frames of a turn. */
export class Prosody {
  readonly #last: VoiceFrame[] = [];
  #frames = 0;
  #energyDb = 0;
  #pitched = 0;
  #octaves = 0;

  push(frame: VoiceFrame): void {
    this.#frames += 1;
    this.#energyDb += frame.energyDb;
    if (frame.pitchHz > 0) {
      this.#pitched += 1;
      this.#octaves += Math.log2(frame.pitchHz);
    }
    this.#last.push(frame);
    if (this.#last.length > lastFrames) this.#last.shift();
  }

  /** Undefined if the turn is too short for a comparison. */
  atEnd(): FinalProsody | undefined {
    if (this.#frames < 2 * lastFrames) return undefined;
    const energyDb = mean(this.#last.map((frame) => frame.energyDb)) - this.#energyDb / this.#frames;
    const pitches = this.#last.flatMap(({ pitchHz }) => (pitchHz > 0 ? Math.log2(pitchHz) : []));
    if (pitches.length < 2 || this.#pitched < lastFrames) return { energyDb };
    return { energyDb, pitchSemitones: 12 * (mean(pitches) - this.#octaves / this.#pitched) };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
