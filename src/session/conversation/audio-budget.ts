import { wireErrors } from '../../protocol/errors/wire-errors.ts';

/** Audio that can be dropped while its transcript is preserved. */
interface RetainedAudio {
  readonly durationMs: number;
  /** Whether the audio is still stored. */
  readonly hasAudio: boolean;
  dropAudio(): void;
}

/** Bounds the audio that a session stores with its items: beyond `limitMs` the oldest is dropped. */
export class AudioRetention {
  readonly #limitMs: number;
  readonly #kept = new Map<RetainedAudio, number>();
  #totalMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Adds audio, or updates its length. */
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

  /** Drops the oldest audio; false if there is none. */
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

/** The audio that all sessions of a server may store together. */
export class AudioBudget {
  readonly #limitMs: number;
  #heldMs = 0;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Negative while the budget is exceeded. */
  get leftMs(): number {
    return this.#limitMs - this.#heldMs;
  }

  change(byMs: number): void {
    this.#heldMs += byMs;
  }
}

/** One session's share of the budget: its uncommitted audio, and the audio stored with items. */
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
   * Makes room for more buffered audio by dropping the oldest audio of this session; other sessions are not affected.
   * @throws {WireError} when there is no room
   */
  require(addedMs: number, bufferedMs: number): void {
    this.count(bufferedMs);
    while (this.#budget.leftMs < addedMs) {
      if (!this.#retention.dropOldest()) throw wireErrors.serverAudioFull();
      this.count(bufferedMs);
    }
  }

  /** Updates the budget, and drops audio that exceeds it. */
  count(bufferedMs: number): void {
    if (this.#released) return;
    do {
      const heldMs = this.#retention.totalMs + bufferedMs;
      this.#budget.change(heldMs - this.#countedMs);
      this.#countedMs = heldMs;
    } while (this.#budget.leftMs < 0 && this.#retention.dropOldest());
  }

  /** Releases everything at the end of the session. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#budget.change(-this.#countedMs);
  }
}
