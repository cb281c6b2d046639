/** Runs in the audio thread: converts the microphone to chunks of 20 ms of 16-bit PCM at 24 kHz. */

import { Downsampler } from './downsampler.js';

const targetHz = 24_000;
const chunkSamples = 480;

class MicrophoneProcessor extends AudioWorkletProcessor {
  #downsampler = sampleRate === targetHz ? null : new Downsampler(sampleRate, targetHz);
  #chunk = new Int16Array(chunkSamples);
  #filled = 0;

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const mono = inputs[0]?.[0];
    if (mono === undefined) return true;
    for (const value of this.#downsampler?.push(mono) ?? mono) {
      this.#chunk[this.#filled++] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      if (this.#filled === chunkSamples) this.#post();
    }
    return true;
  }

  #post() {
    this.port.postMessage(this.#chunk, [this.#chunk.buffer]);
    this.#chunk = new Int16Array(chunkSamples);
    this.#filled = 0;
  }
}

registerProcessor('parley-microphone', MicrophoneProcessor);
