/** Plays a recorded stretch. */

import { sampleRateHz } from './pcm.js';

/** Maximum duration that is played at once, to bound the memory. */
const maxMs = 3_600_000;

export class StretchPlayer {
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {{ source: AudioBufferSourceNode, fromMs: number, startedAt: number } | null} */
  #playing = null;
  #onEnded;

  /** @param {() => void} onEnded also after `stop` */
  constructor(onEnded) {
    this.#onEnded = onEnded;
  }

  /** The position on the axis that is being played; null if nothing is. */
  get positionMs() {
    if (this.#context === null || this.#playing === null) return null;
    const { fromMs, startedAt } = this.#playing;
    return fromMs + Math.max(0, this.#context.currentTime - startedAt) * 1000;
  }

  /**
   * Plays both tracks together, from their first to their last audio in the stretch. Call it from a user gesture.
   * @param {import('../session/record.js').SessionRecord} record
   * @param {number} wantedFromMs
   * @param {number} wantedUntilMs
   */
  play(record, wantedFromMs, wantedUntilMs) {
    this.stop();
    const { user: left, assistant: right } = record;
    const fromMs = Math.max(wantedFromMs, Math.min(left.startMs, right.startMs));
    const untilMs = Math.min(wantedUntilMs, Math.max(left.endMs, right.endMs), fromMs + maxMs);
    this.#context ??= new AudioContext({ sampleRate: sampleRateHz });
    void this.#context.resume();
    const user = left.samples(fromMs, untilMs);
    const assistant = right.samples(fromMs, untilMs);
    if (user.length === 0) return this.#onEnded();
    const buffer = this.#context.createBuffer(1, user.length, sampleRateHz);
    buffer.copyToChannel(
      Float32Array.from(user, (sample, i) => Math.max(-1, Math.min(1, (sample + (assistant[i] ?? 0)) / 32768))),
      0,
    );
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    source.addEventListener('ended', () => {
      if (this.#playing?.source === source) this.stop();
    });
    this.#playing = { source, fromMs, startedAt: this.#context.currentTime };
    source.start();
  }

  stop() {
    if (this.#playing === null) return;
    const { source } = this.#playing;
    this.#playing = null;
    source.stop();
    this.#onEnded();
  }
}
