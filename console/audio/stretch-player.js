/** Plays a recorded stretch. */

import { sampleRateHz } from './pcm.js';

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
   * Plays both tracks together. Call it from a user gesture.
   * @param {import('../session/record.js').SessionRecord} record
   * @param {number} fromMs
   * @param {number} untilMs
   */
  play(record, fromMs, untilMs) {
    this.stop();
    this.#context ??= new AudioContext({ sampleRate: sampleRateHz });
    void this.#context.resume();
    const user = record.user.samples(fromMs, untilMs);
    const assistant = record.assistant.samples(fromMs, untilMs);
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
