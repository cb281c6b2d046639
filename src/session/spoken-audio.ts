import { concatSamples, durationMs, samplesIn } from '../audio/pcm.ts';
import type { AudioFormat } from '../protocol/session-config.ts';
import type { AudioClip, WordTiming } from './ports.ts';
import { formatRateHz } from './wire-audio.ts';

interface SpokenClause {
  text: string;
  startMs: number;
  /** Grows while its audio is sent. */
  endMs: number;
  /** Relative to the clause's first sample; empty where the voice does not know. */
  words: readonly WordTiming[];
}

/** What an assistant's audio item said, and when: enough to cut it where a listener stopped hearing it. */
export class SpokenAudio {
  readonly format: AudioFormat;
  readonly rateHz: number;
  #parts: Int16Array[] = [];
  #sampleCount = 0;
  #clauses: SpokenClause[] = [];
  #cut = false;
  #hasAudio = true;

  constructor(format: AudioFormat) {
    this.format = format;
    this.rateHz = formatRateHz(format);
  }

  /** Counts audio that was sent. */
  get durationMs(): number {
    return durationMs(this.#sampleCount, this.rateHz);
  }

  /** The words that were sent, or after a cut those that were heard. */
  get transcript(): string {
    return this.#clauses.map((clause) => clause.text).join('');
  }

  get hasAudio(): boolean {
    return this.#hasAudio;
  }

  get clip(): AudioClip {
    return { samples: concatSamples(this.#parts), sampleRateHz: this.rateHz };
  }

  beginClause(text: string): void {
    if (this.#cut) return;
    const startMs = this.durationMs;
    this.#clauses.push({ text, startMs, endMs: startMs, words: [] });
  }

  append(samples: Int16Array, words?: readonly WordTiming[]): void {
    if (this.#cut) return;
    if (this.#hasAudio) this.#parts.push(samples);
    this.#sampleCount += samples.length;
    const clause = this.#clauses.at(-1);
    if (!clause) return;
    clause.endMs = this.durationMs;
    if (words) clause.words = words;
  }

  /** Cuts audio and transcript at a position; what follows was not heard and is not kept. */
  cut(atMs: number): void {
    this.#cut = true;
    const kept = samplesIn(atMs, this.rateHz);
    this.#parts = [concatSamples(this.#parts).slice(0, kept)];
    this.#sampleCount = Math.min(this.#sampleCount, kept);
    this.#clauses = this.#clauses
      .filter((clause) => clause.startMs < atMs)
      .map((clause) => (clause.endMs <= atMs ? clause : cutClause(clause, atMs)));
  }

  /** Gives up the audio, now and for good, to keep memory bounded; the transcript and its timing stay. */
  dropAudio(): void {
    this.#hasAudio = false;
    this.#parts = [];
  }
}

/** Keeps the words of a clause up to the one that was being spoken. */
function cutClause(clause: SpokenClause, atMs: number): SpokenClause {
  const heardMs = atMs - clause.startMs;
  const words = clause.words.length > 0 ? clause.words : evenTimings(clause);
  const begun = words.findLast((word) => word.startMs < heardMs);
  return { ...clause, text: begun ? clause.text.slice(0, begun.endChar) : '', endMs: atMs };
}

/** Words of a clause whose voice gives no timing: each takes time in proportion to its length. */
function evenTimings(clause: SpokenClause): WordTiming[] {
  const msPerChar = (clause.endMs - clause.startMs) / Math.max(1, clause.text.length);
  return Array.from(clause.text.matchAll(/\S+/g), (word) => ({
    startChar: word.index,
    endChar: word.index + word[0].length,
    startMs: word.index * msPerChar,
    endMs: (word.index + word[0].length) * msPerChar,
  }));
}
