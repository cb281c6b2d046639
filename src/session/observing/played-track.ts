import { durationMs, samplesIn } from '../../audio/pcm.ts';
import type { Clock } from '../../core/clock.ts';
import type { PlayedAudio } from '../ports/observer.ts';
import type { OutputAudio, Playback } from '../ports/playback.ts';

interface PlayedTrackOptions {
  clock: Clock;
  playback: Pick<Playback, 'endsAt'>;
  publish: (audio: PlayedAudio) => void;
}

/** Less than a sample, because playback computes with fractions. */
const toleranceMs = 0.01;

/** The conversation's output as it is played: audio is held until its playback has ended or was interrupted. */
export class PlayedTrack {
  readonly #options: PlayedTrackOptions;
  /** Bounded by how far audio is sent ahead of its playback. */
  #waiting: OutputAudio[] = [];
  #cancel = () => {};

  constructor(options: PlayedTrackOptions) {
    this.#options = options;
  }

  /** Call it after the playback has taken the audio, and `settle` before. */
  add(audio: OutputAudio): void {
    this.#waiting.push({ ...audio, samples: audio.samples.slice() });
    if (this.#waiting.length === 1) this.#wait(durationMs(audio.samples.length, audio.sampleRateHz));
  }

  /** Publishes the audio that has been played. */
  settle(): void {
    this.#cancel();
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const endsAtMs = this.#endOfFirst();
      const leftMs = endsAtMs - this.#options.clock.now();
      if (leftMs > toleranceMs) return this.#wait(leftMs);
      this.#waiting.shift();
      this.#publish(first, endsAtMs);
    }
  }

  /** Publishes the audio that has been played, and drops the rest; call it before playback is interrupted. */
  cut(): void {
    this.settle();
    this.#cancel();
    const [first] = this.#waiting;
    if (!first) return;
    const nowMs = this.#options.clock.now();
    const leftMs = this.#endOfFirst() - nowMs;
    const played = first.samples.length - samplesIn(leftMs, first.sampleRateHz);
    this.#waiting = [];
    if (played > 0) this.#publish({ ...first, samples: first.samples.slice(0, played) }, nowMs);
  }

  #wait(ms: number): void {
    this.#cancel = this.#options.clock.after(Math.max(1, ms), () => this.settle());
  }

  /** Held audio is played without gaps, and its end is the end of playback. */
  #endOfFirst(): number {
    const behind = this.#waiting.slice(1);
    const behindMs = behind.reduce(
      (sum, { samples, sampleRateHz }) => sum + durationMs(samples.length, sampleRateHz),
      0,
    );
    return this.#options.playback.endsAt - behindMs;
  }

  #publish({ responseId, itemId, contentIndex, samples, sampleRateHz }: OutputAudio, endsAtMs: number): void {
    const atMs = endsAtMs - durationMs(samples.length, sampleRateHz);
    this.#options.publish({ responseId, itemId, contentIndex, samples, sampleRateHz, atMs });
  }
}
