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
  /** Whether its words arrive during its audio, rather than before. */
  grows: boolean;
  /** The spoken words of its text, in order; absent if unknown, in which case all of it is spoken. */
  said: readonly SpokenWord[] | undefined;
  /** Relative to the clause's first sample, in order; without words that the voice has not timed. */
  words: readonly WordTiming[];
}

/** Duration of a character of English text, until the voice's own pace is known. */
const usualMsPerCharacter = 65;

/** The timing of an assistant's audio item, for truncating it at the position where playback stopped. */
export class SpokenAudio {
  readonly format: AudioFormat;
  readonly rateHz: number;
  #parts: Int16Array[] = [];
  #sampleCount = 0;
  #clauses: SpokenClause[] = [];
  #transcript = '';
  #cut = false;
  /** Where the user stopped hearing it; undefined unless it was interrupted. */
  #heardMs: number | undefined;
  #complete = false;
  #hasAudio = true;

  constructor(format: AudioFormat) {
    this.format = format;
    this.rateHz = formatRateHz(format);
  }

  /** Counts audio that was sent. */
  get durationMs(): number {
    return durationMs(this.#sampleCount, this.rateHz);
  }

  /** The transcript that was sent, or after a truncation the part that was played. */
  get transcript(): string {
    return this.#transcript;
  }

  /** The part that the user heard: all of it, unless it was interrupted. */
  get heard(): { transcript: string; durationMs: number } {
    const { transcript, durationMs } = this;
    if (this.#heardMs === undefined) return { transcript, durationMs };
    return { transcript: this.transcriptUntil(this.#heardMs), durationMs: Math.min(this.#heardMs, durationMs) };
  }

  get hasAudio(): boolean {
    return this.#hasAudio;
  }

  get clip(): AudioClip {
    return { samples: concatSamples(this.#parts), sampleRateHz: this.rateHz };
  }

  /** Whether the client has truncated it. */
  get isCut(): boolean {
    return this.#cut;
  }

  /** Whether all of it was sent. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Call when all of it was sent. */
  complete(): void {
    this.endClause();
    this.#complete = true;
  }

  /** The stored audio between two positions. */
  slice(fromMs: number, toMs: number): AudioClip {
    const [from, to] = [samplesIn(Math.max(0, fromMs), this.rateHz), samplesIn(Math.max(0, toMs), this.rateHz)];
    const pieces: Int16Array[] = [];
    let start = 0;
    for (const part of this.#parts) {
      const end = start + part.length;
      if (end > from && start < to) pieces.push(part.subarray(Math.max(0, from - start), to - start));
      start = end;
    }
    return { samples: concatSamples(pieces), sampleRateHz: this.rateHz };
  }

  beginClause(text: string, said?: readonly SpokenWord[]): void {
    this.endClause();
    if (this.#cut) return;
    this.#transcript += text;
    const startMs = this.durationMs;
    this.#clauses.push({ text, startMs, endMs: startMs, whole: false, grows: false, said, words: [] });
  }

  /**
   * Adds words of a model that produces them during its audio. It is unknown which audio they belong to, so consecutive
   * words form one clause and are placed in proportion. Its audio may have started before the first of them.
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

  /** Call when all audio of the last clause has been sent. */
  endClause(): void {
    const clause = this.#clauses.at(-1);
    if (clause) clause.whole = true;
  }

  /** `words`: timings in the last clause. Returns those that are new, relative to the transcript and to the audio. */
  append(samples: Int16Array, words: readonly WordTiming[] = []): readonly WordTiming[] {
    if (this.#cut) return [];
    if (this.#hasAudio) this.#parts.push(samples);
    this.#sampleCount += samples.length;
    const clause = this.#clauses.at(-1);
    if (!clause) return [];
    clause.endMs = this.durationMs;
    const timedTo = clause.words.at(-1)?.endChar ?? 0;
    const timed = words.filter(({ startChar }) => startChar >= timedTo);
    clause.words = [...clause.words, ...timed];
    const atChar = this.#transcript.length - clause.text.length;
    return timed.map(({ startChar, endChar, startMs, endMs }) => ({
      startChar: atChar + startChar,
      endChar: atChar + endChar,
      startMs: clause.startMs + startMs,
      endMs: clause.startMs + endMs,
    }));
  }

  /** The transcript up to and including the word that is spoken at a position. */
  transcriptUntil(atMs: number): string {
    return this.#clausesUntil(atMs)
      .map(({ text }) => text)
      .join('');
  }

  /** It was interrupted at a position. A truncation takes precedence, whether earlier or later. */
  interrupt(atMs: number): void {
    if (!this.#cut) this.#heardMs = Math.min(this.#heardMs ?? Number.POSITIVE_INFINITY, atMs);
  }

  /** Truncates audio and transcript at a position. */
  cut(atMs: number): void {
    this.#cut = true;
    this.#heardMs = undefined;
    this.#clauses = this.#clausesUntil(atMs);
    this.#transcript = this.#clauses.map(({ text }) => text).join('');
    const kept = samplesIn(atMs, this.rateHz);
    this.#parts = [concatSamples(this.#parts).slice(0, kept)];
    this.#sampleCount = Math.min(this.#sampleCount, kept);
  }

  /** Drops the audio, to bound memory; the transcript and its timing are preserved. */
  dropAudio(): void {
    this.#hasAudio = false;
    this.#parts = [];
  }

  #clausesUntil(atMs: number): SpokenClause[] {
    const msPerCharacter = this.#msPerCharacter();
    return this.#clauses
      .filter((clause) => clause.startMs < atMs)
      .map((clause) => (clause.whole && clause.endMs <= atMs ? clause : cutClause(clause, atMs, msPerCharacter)));
  }

  #msPerCharacter(): number {
    const spoken = this.#clauses.filter(({ whole, startMs, endMs }) => whole && endMs > startMs);
    const characters = spoken.reduce((sum, clause) => sum + charactersOf(untimedWords(clause, 0)), 0);
    const ms = spoken.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    return characters === 0 ? usualMsPerCharacter : ms / characters;
  }
}

/** Truncates a clause after the word that was being spoken. */
function cutClause(clause: SpokenClause, atMs: number, msPerCharacter: number): SpokenClause {
  const heardMs = atMs - clause.startMs;
  const begun = timings(clause, msPerCharacter).findLast((word) => word.startMs < heardMs);
  const end = begun ? graphemeBoundary(clause.text, begun.endChar) : 0;
  return { ...clause, text: clause.text.slice(0, end), endMs: atMs, whole: true };
}

/**
 * The timing of a clause's words. Words that the voice has not timed share the rest of its audio in proportion to their
 * spoken length; while a clause is incomplete, the duration of its audio is estimated from its text.
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

/** The spoken characters of words, including the spaces between them. */
function charactersOf(words: readonly SpokenWord[]): number {
  return words.reduce((sum, { spokenCharacters }) => sum + spokenCharacters + 1, 0);
}
