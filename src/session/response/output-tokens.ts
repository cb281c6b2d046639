import { graphemeEnd } from '../../core/unicode.ts';
import { assistantAudioMsPerToken, assistantAudioTokens } from '../context/token-cost.ts';
import type { TokenCounter } from '../ports/language-model.ts';

/** Code units of the text before that matter to whether a grapheme cluster is complete. */
const longestCluster = 256;
/** A word of this length is counted immediately: later text has little effect on its tokens. */
const longestTail = 64;

/**
 * Estimates the output tokens of a response, and where its `max_output_tokens` is reached: text and audio both count
 * toward it.
 */
export class OutputTokens {
  readonly #counter: TokenCounter;
  readonly #limit: number;
  readonly #rateHz: number;
  #settled = 0;
  /** The end of the text, whose tokens may still change with later text. */
  #tail = '';
  #tailTokens = 0;
  #samples = 0;
  /** The text that the tail belongs to. */
  #of = '';
  /** The end of what has been taken of it. */
  #taken = '';

  /** `limit` may be `Infinity`. `rateHz`: the sample rate of the audio. */
  constructor(counter: TokenCounter, { limit, rateHz }: { limit: number; rateHz: number }) {
    this.#counter = counter;
    this.#limit = limit;
    this.#rateHz = rateHz;
  }

  get text(): number {
    return this.#settled + this.#tailTokens;
  }

  get audio(): number {
    return assistantAudioTokens((this.#samples * 1000) / this.#rateHz);
  }

  /**
   * Counts and returns as much of a text as the limit allows, cut between words if possible, and not within a grapheme
   * cluster, whose rest is not counted. `of` identifies the text: words and calls may alternate, and are separate texts.
   */
  takeText(text: string, of: 'words' | 'call'): string {
    if (of !== this.#of) this.endText();
    this.#of = of;
    if (this.#limit === Number.POSITIVE_INFINITY) {
      this.#add(text);
      return text;
    }
    const taken = this.#takeWords(text);
    const end = graphemeEnd(this.#taken + text, this.#taken.length + taken.length) - this.#taken.length;
    this.#taken = (this.#taken + text.slice(0, end)).slice(-longestCluster);
    return text.slice(0, end);
  }

  #takeWords(text: string): string {
    let taken = '';
    for (const [word] of text.matchAll(/\s*\S{1,64}|\s+$/gu)) {
      const before = { settled: this.#settled, tail: this.#tail, tailTokens: this.#tailTokens };
      this.#add(word);
      if (this.text + this.audio > this.#limit) {
        ({ settled: this.#settled, tail: this.#tail, tailTokens: this.#tailTokens } = before);
        break;
      }
      taken += word;
    }
    return taken;
  }

  /** Ends the text, so that later text is separate from it. */
  endText(): void {
    this.#settled += this.#tailTokens;
    this.#tail = '';
    this.#tailTokens = 0;
    this.#taken = '';
  }

  /** The number of samples that the limit allows. */
  audioRoom(samples: number): number {
    const roomMs = (this.#limit - this.text) * assistantAudioMsPerToken;
    const room = Math.floor((roomMs * this.#rateHz) / 1000) - this.#samples;
    return Math.max(0, Math.min(samples, room));
  }

  addAudio(samples: number): void {
    this.#samples += samples;
  }

  #add(text: string): void {
    this.#tail += text;
    const word = this.#tail.lastIndexOf(' ');
    const end = this.#tail.length - Math.max(word, 0) > longestTail ? this.#tail.length : Math.max(word, 0);
    if (end > 0) {
      this.#settled += this.#counter.count(this.#tail.slice(0, end));
      this.#tail = this.#tail.slice(end);
    }
    this.#tailTokens = this.#tail === '' ? 0 : this.#counter.count(this.#tail);
  }
}
