import type { AudioClip } from '../../audio/audio-clip.ts';
import { concatSamples, durationMs, samplesIn } from '../../audio/pcm.ts';
import { graphemeBoundary } from '../../core/unicode.ts';
import { type AudioFormat, formatRateHz } from '../../protocol/wire/session-config.ts';
import type { WordTiming } from '../ports/voice.ts';
import type { SpokenWord } from '../speech/mapped-text.ts';

interface SpokenClause {
  text: string;
  startMs: number;
  /** Grows while its audio is sent. */
  endMs: number;
  /** Whether all of its audio has been sent. */
  whole: boolean;
  /** Whether its words come while it is spoken, rather than before. */
  grows: boolean;
  /** The words of its text that are said, in order; absent where they are not known: all of it. */
  said: readonly SpokenWord[] | undefined;
  /** Relative to the clause's first sample, in order; without those that the voice has not told, or does not know. */
  words: readonly WordTiming[];
}

/** How long a character of English text takes to say, until the voice's own pace is known. */
const usualMsPerCharacter = 65;

/** What an assistant's audio item said, and when: enough to cut it where a listener stopped hearing it. */
export class SpokenAudio {
  readonly format: AudioFormat;
  readonly rateHz: number;
  #parts: Int16Array[] = [];
  #sampleCount = 0;
  #clauses: SpokenClause[] = [];
  #transcript = '';
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
    return this.#transcript;
  }

  get hasAudio(): boolean {
    return this.#hasAudio;
  }

  get clip(): AudioClip {
    return { samples: concatSamples(this.#parts), sampleRateHz: this.rateHz };
  }

  beginClause(text: string, said?: readonly SpokenWord[]): void {
    this.endClause();
    if (this.#cut) return;
    this.#transcript += text;
    const startMs = this.durationMs;
    this.#clauses.push({ text, startMs, endMs: startMs, whole: false, grows: false, said, words: [] });
  }

  /**
   * The next words of one who makes them as they speak: which of its audio they belong to is not known, so all such words
   * in a row are one clause, whose words are placed in proportion. Its audio may have begun before the first of them.
   */
  addWords(text: string): void {
    if (this.#cut) return;
    this.#transcript += text;
    const last = this.#clauses.at(-1);
    if (last?.grows && !last.whole) {
      last.text += text;
      return;
    }
    this.endClause();
    const startMs = last?.endMs ?? 0;
    this.#clauses.push({
      text,
      startMs,
      endMs: this.durationMs,
      whole: false,
      grows: true,
      said: undefined,
      words: [],
    });
  }

  /** All audio of the last clause has been sent. */
  endClause(): void {
    const clause = this.#clauses.at(-1);
    if (clause) clause.whole = true;
  }

  append(samples: Int16Array, words?: readonly WordTiming[]): void {
    if (this.#cut) return;
    if (this.#hasAudio) this.#parts.push(samples);
    this.#sampleCount += samples.length;
    const clause = this.#clauses.at(-1);
    if (!clause) return;
    clause.endMs = this.durationMs;
    const told = clause.words.at(-1)?.endChar ?? 0;
    if (words) clause.words = [...clause.words, ...words.filter(({ startChar }) => startChar >= told)];
  }

  /** Cuts audio and transcript at a position; what follows was not heard and is not kept. */
  cut(atMs: number): void {
    this.#cut = true;
    const kept = samplesIn(atMs, this.rateHz);
    this.#parts = [concatSamples(this.#parts).slice(0, kept)];
    this.#sampleCount = Math.min(this.#sampleCount, kept);
    const msPerCharacter = this.#msPerCharacter();
    this.#clauses = this.#clauses
      .filter((clause) => clause.startMs < atMs)
      .map((clause) => (clause.whole && clause.endMs <= atMs ? clause : cutClause(clause, atMs, msPerCharacter)));
    this.#transcript = this.#clauses.map(({ text }) => text).join('');
  }

  /** Gives up the audio, now and for good, to keep memory bounded; the transcript and its timing stay. */
  dropAudio(): void {
    this.#hasAudio = false;
    this.#parts = [];
  }

  #msPerCharacter(): number {
    const spoken = this.#clauses.filter(({ whole, startMs, endMs }) => whole && endMs > startMs);
    const characters = spoken.reduce((sum, clause) => sum + charactersOf(untimedWords(clause, 0)), 0);
    const ms = spoken.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    return characters === 0 ? usualMsPerCharacter : ms / characters;
  }
}

/** Keeps the words of a clause up to the one that was being spoken. */
function cutClause(clause: SpokenClause, atMs: number, msPerCharacter: number): SpokenClause {
  const heardMs = atMs - clause.startMs;
  const begun = timings(clause, msPerCharacter).findLast((word) => word.startMs < heardMs);
  const end = begun ? graphemeBoundary(clause.text, begun.endChar) : 0;
  return { ...clause, text: clause.text.slice(0, end), endMs: atMs, whole: true };
}

/**
 * When the words of a clause sound. Those that the voice has not timed share what is left of its audio in proportion to
 * what is said for them; of a clause that is not whole yet, the length of its audio is estimated from its text.
 */
function timings(clause: SpokenClause, msPerCharacter: number): readonly WordTiming[] {
  const { startMs, endMs, whole, words } = clause;
  const { endChar: fromChar, endMs: fromMs } = words.at(-1) ?? { endChar: 0, endMs: 0 };
  const rest = untimedWords(clause, fromChar);
  const characters = charactersOf(rest);
  const sentMs = Math.max(0, endMs - startMs - fromMs);
  const restMs = whole ? sentMs : Math.max(sentMs, characters * msPerCharacter);
  const msOf = (count: number) => (restMs * count) / Math.max(1, characters);
  let said = 0;
  const untimed = rest.map(({ startChar, endChar, spokenCharacters }) => {
    // A word begins with the pause before it.
    const startMs = fromMs + msOf(said + 1);
    said += 1 + spokenCharacters;
    return { startChar, endChar, startMs, endMs: fromMs + msOf(said) };
  });
  return [...words, ...untimed];
}

function untimedWords({ text, said }: SpokenClause, fromChar: number): readonly SpokenWord[] {
  if (said) return said.filter(({ startChar }) => startChar >= fromChar && startChar < text.length);
  return Array.from(text.slice(fromChar).matchAll(/\S+/g), ({ 0: word, index }) => ({
    startChar: fromChar + index,
    endChar: fromChar + index + word.length,
    spokenCharacters: word.length,
  }));
}

/** What is said for words, and between them. */
function charactersOf(words: readonly SpokenWord[]): number {
  return words.reduce((sum, { spokenCharacters }) => sum + spokenCharacters + 1, 0);
}
