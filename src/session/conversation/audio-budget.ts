import { wireErrors } from '../../protocol/errors/wire-errors.ts';

/** Audio that can be given up while its transcript stays. */
interface RetainedAudio {
  readonly durationMs: number;
  /** Whether the audio is still there. */
  readonly hasAudio: boolean;
  dropAudio(): void;
}

/** Bounds the audio that a session keeps with its items: beyond `limitMs` the oldest is dropped. */
export class AudioRetention {
  readonly #limitMs: number;
  readonly #kept = new Map<RetainedAudio, number>();
  #totalMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Counts audio in, at the length that it has by now. */
  keep(audio: RetainedAudio): void {
    this.remove(audio);
    if (!audio.hasAudio) return;
    this.#kept.set(audio, audio.durationMs);
    this.#totalMs += audio.durationMs;
    while (this.#totalMs > this.#limitMs && this.dropOldest());
  }

  get totalMs(): number {
    return this.#totalMs;
  }

  /** Gives up the audio that has been kept longest; false when none is left. */
  dropOldest(): boolean {
    const [oldest] = this.#kept.keys();
    if (!oldest) return false;
    oldest.dropAudio();
    this.remove(oldest);
    return true;
  }

  remove(audio: RetainedAudio): void {
    this.#totalMs -= this.#kept.get(audio) ?? 0;
    this.#kept.delete(audio);
  }
}

/** The audio that all sessions of a server may hold together. */
export class AudioBudget {
  readonly #limitMs: number;
  #heldMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Below zero where more is held than may be. */
  get leftMs(): number {
    return this.#limitMs - this.#heldMs;
  }

  change(byMs: number): void {
    this.#heldMs += byMs;
  }
}

/** One session's part of the budget: its uncommitted audio, and what it keeps with items. */
export class AudioQuota {
  readonly #budget: AudioBudget;
  readonly #retention: AudioRetention;
  #countedMs = 0;
  #released = false;

  constructor(budget: AudioBudget, retention: AudioRetention) {
    this.#budget = budget;
    this.#retention = retention;
  }

  /**
   * Makes room for more audio beside what is buffered: the oldest audio that this session keeps goes first, and other sessions' never.
   * @throws {WireError} when there is none
   */
  require(addedMs: number, bufferedMs: number): void {
    this.count(bufferedMs);
    while (this.#budget.leftMs < addedMs) {
      if (!this.#retention.dropOldest()) throw wireErrors.serverAudioFull();
      this.count(bufferedMs);
    }
  }

  /** Tells the budget what is held now; what is too much is dropped. */
  count(bufferedMs: number): void {
    if (this.#released) return;
    do {
      const heldMs = this.#retention.totalMs + bufferedMs;
      this.#budget.change(heldMs - this.#countedMs);
      this.#countedMs = heldMs;
    } while (this.#budget.leftMs < 0 && this.#retention.dropOldest());
  }

  /** The session has ended: it holds nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#budget.change(-this.#countedMs);
  }
}
