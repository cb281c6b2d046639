import { samplesIn } from '../../audio/pcm.ts';
import type { SpeakOptions, SpeechChunk, Voice } from '../../session/ports/voice.ts';
import type { ToneSettings } from './script.ts';

/** The rate of the API's own PCM, so that no resampling changes the samples. */
const sampleRateHz = 24_000;
const toneHz = 200;
const amplitude = 8000;
const defaultPerWordMs = 250;

/**
 * A tone, or silence, of a specified length: the same samples in every run. Each word is one chunk, with its timing.
 */
export class ToneVoice implements Voice {
  readonly #settings: ToneSettings;

  constructor(settings: ToneSettings) {
    this.#settings = settings;
  }

  async *speak(text: string, { speed, signal }: SpeakOptions): AsyncGenerator<SpeechChunk, void, undefined> {
    const words = Array.from(text.matchAll(/\S*[\p{L}\p{N}]\S*/gu));
    const { perWordMs = defaultPerWordMs, lengthMs = perWordMs * words.length } = this.#settings;
    const wordMs = lengthMs / words.length / speed;
    for (const [index, word] of words.entries()) {
      signal.throwIfAborted();
      const startMs = index * wordMs;
      const endMs = startMs + wordMs;
      const [first, end] = [samplesIn(startMs, sampleRateHz), samplesIn(endMs, sampleRateHz)];
      const place = { startChar: word.index, endChar: word.index + word[0].length };
      yield { samples: this.#samples(first, end), sampleRateHz, words: [{ ...place, startMs, endMs }] };
    }
    signal.throwIfAborted();
  }

  #samples(first: number, end: number): Int16Array {
    const samples = new Int16Array(Math.max(0, end - first));
    if (this.#settings.sound === 'silence') return samples;
    return samples.map((_, index) => amplitude * Math.sin((2 * Math.PI * toneHz * (first + index)) / sampleRateHz));
  }
}
