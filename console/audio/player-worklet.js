/** Runs in the audio thread: plays the queue without gaps, and reports its position every 20 ms. */

import { PlaybackQueue } from './playback-queue.js';

const reportSamples = 480;

class PlayerProcessor extends AudioWorkletProcessor {
  #queue = new PlaybackQueue();
  #sinceReport = 0;
  #peak = 0;
  #playing = false;
  /** Number of flushes, to recognize reports from before a flush. */
  #generation = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#receive(data);
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, outputs) {
    const output = outputs[0]?.[0];
    if (output === undefined) return true;
    const played = this.#queue.pull(output);
    for (const value of output) this.#peak = Math.max(this.#peak, Math.abs(value));
    this.#sinceReport += output.length;
    const changed = played > 0 !== this.#playing;
    this.#playing = played > 0;
    if (changed || (this.#playing && this.#sinceReport >= reportSamples)) this.#report();
    return true;
  }

  /** @param {{ flush: number } | import('./playback-queue.js').Piece} message */
  #receive(message) {
    if ('flush' in message) {
      this.#queue.flush();
      this.#generation = message.flush;
    } else if (!this.#queue.push(message)) {
      this.port.postMessage({ overflow: true });
    }
  }

  #report() {
    this.port.postMessage({
      generation: this.#generation,
      playing: this.#playing,
      position: this.#queue.position,
      peak: this.#peak,
      atSeconds: currentTime,
    });
    this.#sinceReport = 0;
    this.#peak = 0;
  }
}

registerProcessor('parley-player', PlayerProcessor);
